import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Container, resources } from "@orchestrator/controller-runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { kubectlOk } from "../support/cluster.ts";
import { type NodeLab, startNodeLab } from "../support/node-lab.ts";
import { containerOf, endOf } from "../support/pods.ts";
import { waitFor } from "../support/wait.ts";

let lab: NodeLab;
let client: NodeLab["client"];
let node: NodeLab["node"];
let namespace: NodeLab["namespace"];
let pods: NodeLab["pods"];

beforeAll(async () => {
  lab = await startNodeLab();
  ({ client, node, namespace, pods } = lab);
});
afterAll(() => lab[Symbol.asyncDispose]());

const limit = (): { signal: AbortSignal } => ({ signal: AbortSignal.timeout(60_000) });
const message = "> /dev/termination-log";

function main(script: string, rest: Partial<Container> = {}): { containers: Container[] } {
  return { containers: [{ name: "main", image: "shell", args: [script], ...rest }] };
}

async function createSecret(name: string, data: Record<string, string>): Promise<void> {
  const metadata = { name, namespace: namespace.name };
  await client.create(resources.secrets, { apiVersion: "v1", kind: "Secret", metadata, stringData: data }, limit());
}

async function createConfigMap(name: string, data: Record<string, string>): Promise<void> {
  const metadata = { name, namespace: namespace.name };
  await client.create(resources.configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata, data }, limit());
}

async function messageOf(name: string): Promise<string | undefined> {
  return endOf(await pods.ended(name), "main").message;
}

test("a Secret that is optional and missing leaves an empty folder", async () => {
  await pods.create("optional", {
    volumes: [{ name: "key", secret: { secretName: "none", optional: true } }],
    ...main(`ls /key | wc -l ${message}`, { volumeMounts: [{ name: "key", mountPath: "/key" }] }),
  });
  expect(await messageOf("optional")).toBe("0\n");
});

test("a Secret that is missing and not optional holds the pod back until it is there", async () => {
  await pods.create("waiting", {
    volumes: [{ name: "key", secret: { secretName: "late" } }],
    ...main(`cat /key/token ${message}`, { volumeMounts: [{ name: "key", mountPath: "/key" }] }),
  });
  const waiting = await pods.until("waiting", "says what is missing", (pod) => {
    const { waiting } = containerOf(pod, "main").state ?? {};
    return waiting?.message === undefined ? undefined : waiting;
  });
  expect(waiting).toEqual({
    reason: "ContainerCreating",
    message: `MountVolume.SetUp failed for volume "key" : secret "late" not found`,
  });
  await waitFor("an event that names it", async () => {
    const events = await kubectlOk(["events", "--namespace", namespace.name, "--for", "pod/waiting"]);
    return events.includes('secret "late" not found') ? { done: true } : { pending: events };
  });
  await createSecret("late", { token: "here" });
  expect(await messageOf("waiting")).toBe("here");
});

test("a key that is missing and not optional is named", async () => {
  await createSecret("partial", { other: "x" });
  await pods.create("keyless", {
    volumes: [{ name: "key", secret: { secretName: "partial", items: [{ key: "token", path: "token" }] } }],
    ...main("true", { volumeMounts: [{ name: "key", mountPath: "/key" }] }),
  });
  const text = await pods.until("keyless", "waits", (pod) => containerOf(pod, "main").state?.waiting?.message);
  expect(text).toBe(`MountVolume.SetUp failed for volume "key" : references non-existent secret key: token`);
});

test("items, modes, subPath and read-only mounts are as the pod says", async () => {
  await createConfigMap("inputs", { "run.sh": "echo ran", "a.txt": "A", "b.txt": "B" });
  await pods.create("inputs", {
    volumes: [
      { name: "inputs", configMap: { name: "inputs", defaultMode: 0o555 } },
      { name: "some", configMap: { name: "inputs", items: [{ key: "a.txt", path: "deep/a", mode: 0o400 }] } },
      { name: "work", emptyDir: {} },
    ],
    ...main(
      `cd /etc/orchestrator/run; { stat -L -c '%a %n' *; sh run.sh; stat -L -c %a /some/deep/a; cat /one; ` +
        `touch /etc/orchestrator/run/x || echo refused; echo kept > /work/kept; ls /work; } ${message} 2> /dev/null`,
      {
        volumeMounts: [
          { name: "inputs", mountPath: "/etc/orchestrator/run", readOnly: true },
          { name: "some", mountPath: "/some" },
          { name: "inputs", mountPath: "/one", subPath: "b.txt" },
          { name: "work", mountPath: "/work", subPath: "part" },
        ],
        securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
      },
    ),
  });
  expect(await messageOf("inputs")).toBe("555 a.txt\n555 b.txt\n555 run.sh\nran\n400\nBrefused\nkept\n");
});

test("a change of a ConfigMap reaches the pods that mount it", async () => {
  await createConfigMap("live", { word: "old" });
  await pods.create("live", {
    volumes: [{ name: "live", configMap: { name: "live" } }],
    ...main(`while grep -q old /live/word; do sleep 0.05; done; cat /live/word ${message}`, {
      volumeMounts: [{ name: "live", mountPath: "/live" }],
    }),
  });
  await pods.running("live");
  const key = { name: "live", namespace: namespace.name };
  await client.patch(resources.configMaps, key, { data: { word: "new" } }, { type: "merge", ...limit() });
  expect(await messageOf("live")).toBe("new");
});

test("variables come from everywhere they may come from", async () => {
  await createSecret("model", { "api-key": "k3y", USER_NAME: "ann" });
  await createConfigMap("colours", { SKY: "blue", GRASS: "green" });
  const env: Container["env"] = [
    { name: "KEY", valueFrom: { secretKeyRef: { name: "model", key: "api-key" } } },
    { name: "NONE", valueFrom: { secretKeyRef: { name: "none", key: "k", optional: true } } },
    { name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
    { name: "LABEL", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
    { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
    { name: "LIMIT", valueFrom: { resourceFieldRef: { resource: "limits.memory" } } },
    { name: "BOTH", value: "$(NAME) under $(GRASS) $(UNKNOWN) $$(NAME)" },
    { name: "GRASS", value: "dry" },
  ];
  const envFrom = [{ configMapRef: { name: "colours" } }, { prefix: "M_", secretRef: { name: "model" } }];
  const script = `echo "$KEY|$\{NONE-unset}|$NAME|$LABEL|$NODE|$LIMIT|$BOTH|$SKY|$GRASS|$M_USER_NAME|$FROM_IMAGE|$(HOSTNAME)" ${message}`;
  const options = { env, envFrom, resources: { limits: { memory: "64Mi" } } };
  await pods.create("variables", main(script, options));
  expect(await messageOf("variables")).toBe(
    `k3y|unset|variables|variables|${node.name}|${64 * 2 ** 20}|` +
      "variables under green $(UNKNOWN) $(NAME)|blue|dry|ann|yes|variables\n",
  );
});

test("a variable that refers to a missing Secret holds the container back", async () => {
  const env = [{ name: "KEY", valueFrom: { secretKeyRef: { name: "absent", key: "token" } } }];
  await pods.create("variable", main(`echo "$KEY" ${message}`, { env }));
  const waiting = await pods.until("variable", "waits", (pod) => {
    const { waiting } = containerOf(pod, "main").state ?? {};
    return waiting?.message === undefined ? undefined : waiting;
  });
  expect(waiting).toEqual({ reason: "CreateContainerConfigError", message: `secret "absent" not found` });
  await createSecret("absent", { token: "now" });
  expect(await messageOf("variable")).toBe("now\n");
});

test("a pod reaches the API server with its ServiceAccount's token", async () => {
  const script = `
folder=/var/run/secrets/kubernetes.io/serviceaccount
cat > /tmp/ask.mjs <<'END'
import { readFileSync } from "node:fs";
import { get } from "node:https";
const [folder] = process.argv.slice(2);
const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
const token = readFileSync(folder + "/token", "utf8");
const ca = readFileSync(folder + "/ca.crt");
const headers = { authorization: "Bearer " + token };
get({ host, port, ca, headers, path: "/api/v1/nodes" }, async (answer) => {
  console.log(JSON.parse((await answer.toArray()).join("")).message);
});
END
node /tmp/ask.mjs $folder ${message}`;
  await pods.create("asking", main(script));
  expect(await messageOf("asking")).toContain(`User "system:serviceaccount:${namespace.name}:default" cannot list`);
});

test("a claim is the folder that its volume names", async () => {
  const folder = await mkdtemp(join(tmpdir(), "orchestrator-volume-"));
  try {
    await writeFile(join(folder, "kept"), "from before");
    const name = `${namespace.name}-volume`;
    const common = { accessModes: ["ReadWriteOnce"], storageClassName: "by-hand" };
    const capacity = { storage: "1Mi" };
    await client.create(
      resources.persistentVolumes,
      {
        apiVersion: "v1",
        kind: "PersistentVolume",
        metadata: { name },
        spec: { ...common, capacity, persistentVolumeReclaimPolicy: "Retain", hostPath: { path: folder } },
      },
      limit(),
    );
    await client.create(
      resources.persistentVolumeClaims,
      {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { name: "claim", namespace: namespace.name },
        spec: { ...common, volumeName: name, resources: { requests: capacity } },
      },
      limit(),
    );
    await pods.create("claiming", {
      volumes: [{ name: "data", persistentVolumeClaim: { claimName: "claim" } }],
      ...main(`cat /data/kept ${message}; echo new > /data/new`, {
        volumeMounts: [{ name: "data", mountPath: "/data" }],
      }),
    });
    expect(await messageOf("claiming")).toBe("from before");
    await client.delete(resources.persistentVolumes, { name }, limit());
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
