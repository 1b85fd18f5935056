import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger, type KubernetesClient, resources } from "@orchestrator/controller-runtime";
import { runProvisioner } from "@orchestrator/local-cluster";
import { afterAll, beforeAll, expect, test } from "vitest";
import { adminClient } from "../support/cluster.ts";
import { createNamespace, type TestNamespace } from "../support/namespace.ts";
import { startTestNode, type TestNode } from "../support/node.ts";
import { waitFor } from "../support/wait.ts";

let client: KubernetesClient;
let namespace: TestNamespace;
let node: TestNode;
let directory: string;
let provisioner: Promise<void>;
const stop = new AbortController();
const signal = AbortSignal.timeout(100_000);

beforeAll(async () => {
  client = await adminClient();
  namespace = await createNamespace(client, "claims");
  node = await startTestNode(client);
  directory = await mkdtemp(join(tmpdir(), "volumes-"));
  const logger = createLogger({ level: "warn", name: "provisioner" });
  provisioner = runProvisioner({ client, directory, logger, signal: stop.signal });
});

afterAll(async () => {
  await namespace.delete();
  stop.abort();
  await provisioner;
  await node[Symbol.asyncDispose]();
  await client.close();
  await rm(directory, { recursive: true });
});

async function createClaim(name: string, storageClassName?: string): Promise<void> {
  await client.create(
    resources.persistentVolumeClaims,
    {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name, namespace: namespace.name },
      spec: {
        accessModes: ["ReadWriteOnce"],
        resources: { requests: { storage: "1Gi" } },
        ...(storageClassName !== undefined && { storageClassName }),
      },
    },
    { signal },
  );
}

function bound(name: string): Promise<string> {
  return waitFor(`claim ${name} to be bound`, async (limit) => {
    const key = { namespace: namespace.name, name };
    const claim = await client.get(resources.persistentVolumeClaims, key, { signal: limit });
    const { volumeName } = claim.spec;
    return claim.status?.phase === "Bound" && volumeName !== undefined ? { done: volumeName } : { pending: claim };
  });
}

/** Runs a shell command with the claim at /data, and answers its exit code. */
async function runWith(claim: string, name: string, command: string): Promise<number | undefined> {
  await client.create(
    resources.pods,
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: namespace.name },
      spec: {
        ...node.place,
        restartPolicy: "Never",
        containers: [
          { name: "work", image: "shell", args: [command], volumeMounts: [{ name: "data", mountPath: "/data" }] },
        ],
        volumes: [{ name: "data", persistentVolumeClaim: { claimName: claim } }],
      },
    },
    { signal },
  );
  return waitFor(`pod ${name} to end`, async (limit) => {
    const pod = await client.get(resources.pods, { namespace: namespace.name, name }, { signal: limit });
    const state = pod.status?.containerStatuses?.[0]?.state?.terminated;
    return state === undefined ? { pending: pod.status } : { done: state.exitCode };
  });
}

test("a claim without a class gets its volume with the first pod, keeps its files for the next, and takes them along", async () => {
  await createClaim("data");
  expect(await runWith("data", "writer", "echo kept > /data/file")).toBe(0);
  const volume = await bound("data");
  expect(await readFile(join(directory, volume, "file"), "utf8")).toBe("kept\n");
  expect(await runWith("data", "reader", "grep -qx kept /data/file")).toBe(0);

  for (const name of ["writer", "reader"])
    await client.delete(resources.pods, { namespace: namespace.name, name }, { signal });
  await client.delete(resources.persistentVolumeClaims, { namespace: namespace.name, name: "data" }, { signal });
  await waitFor("the volume and its files to be gone", async (limit) => {
    const { items } = await client.list(resources.persistentVolumes, { signal: limit });
    const volumes = items.filter(({ metadata }) => metadata.name === volume);
    const files = (await readdir(directory)).filter((entry) => entry === volume);
    return volumes.length + files.length === 0 ? { done: undefined } : { pending: { volumes, files } };
  });
});

test("a claim of a class that does not wait is bound at once", async () => {
  const name = `immediate-${namespace.name}`;
  const type = { apiVersion: "storage.k8s.io/v1", kind: "StorageClass", metadata: { name } };
  await client.create(
    resources.storageClasses,
    { ...type, provisioner: "orchestrator.io/local-directory", volumeBindingMode: "Immediate" },
    { signal },
  );
  await createClaim("at-once", name);
  const volume = await bound("at-once");
  expect(await readdir(directory)).toContain(volume);
  await client.delete(resources.storageClasses, { name }, { signal });
});

test("a claim of another provisioner's class is left alone", async () => {
  const name = `other-${namespace.name}`;
  const type = { apiVersion: "storage.k8s.io/v1", kind: "StorageClass", metadata: { name } };
  await client.create(resources.storageClasses, { ...type, provisioner: "example.com/other" }, { signal });
  await createClaim("other", name);
  await createClaim("ours-after-it");
  expect(await runWith("ours-after-it", "after", "true")).toBe(0);
  const key = { namespace: namespace.name, name: "other" };
  expect((await client.get(resources.persistentVolumeClaims, key, { signal })).spec.volumeName).toBeUndefined();
  await client.delete(resources.storageClasses, { name }, { signal });
});
