import { readFile } from "node:fs/promises";
import { type Container, resources } from "@orchestrator/controller-runtime";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
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

const image = "shell";
const volumeMounts = [{ name: "work", mountPath: "/work" }];
const volumes = [{ name: "work", emptyDir: {} }];

/** Notes its start and its end, which only comes with SIGTERM. It has started when it has noted so, a while after. */
function sidecar(name: string): Container {
  const script = `
trap 'echo ${name}-end >> /work/order; tr "\\n" " " < /work/order > /dev/termination-log; exit 0' TERM
sleep 0.3; echo ${name} >> /work/order; touch /work/${name}
while :; do sleep 0.05; done`;
  const startupProbe = { exec: { command: ["test", "-f", `/work/${name}`] }, periodSeconds: 1, failureThreshold: 20 };
  return { name, image, restartPolicy: "Always", args: [script], volumeMounts, startupProbe };
}

function step(name: string, script = ""): Container {
  return { name, image, args: [`echo ${name} >> /work/order; ${script}`], volumeMounts };
}

test("a sidecar's startup probe holds back what follows, and sidecars end last, in reverse order", async () => {
  await pods.create("order", {
    volumes,
    initContainers: [sidecar("first"), step("prepare"), sidecar("second")],
    containers: [step("main", "tr '\\n' ' ' < /work/order > /dev/termination-log")],
  });
  const pod = await pods.ended("order");
  expect(pod.status?.phase).toBe("Succeeded");
  expect(endOf(pod, "main").message).toBe("first prepare second main ");
  expect(endOf(pod, "second").message).toBe("first prepare second main second-end ");
  expect(endOf(pod, "first").message).toBe("first prepare second main second-end first-end ");
});

test("an init container that fails ends the pod, the sidecar gets its time, and both messages are kept", async () => {
  await pods.create("failing", {
    volumes,
    initContainers: [sidecar("gateway"), step("prepare", "echo no such branch > /dev/termination-log; exit 3")],
    containers: [step("main")],
  });
  const pod = await pods.ended("failing");
  expect(pod.status?.phase).toBe("Failed");
  expect(endOf(pod, "prepare")).toEqual({ exitCode: 3, reason: "Error", message: "no such branch\n" });
  expect(endOf(pod, "gateway")).toEqual({ exitCode: 0, reason: "Completed", message: "gateway prepare gateway-end " });
  expect(containerOf(pod, "main").state).toEqual({ waiting: { reason: "PodInitializing" } });
});

test("a sidecar that exits is started again while the main container goes on", async () => {
  await pods.create("restarted", {
    volumes,
    initContainers: [
      {
        name: "gateway",
        image,
        restartPolicy: "Always",
        args: ["echo up >> /work/ups; sleep 0.2; exit 1"],
        volumeMounts,
      },
    ],
    containers: [
      { name: "main", image, args: ["while test $(wc -l < /work/ups) -lt 3; do sleep 0.05; done"], volumeMounts },
    ],
  });
  const pod = await pods.ended("restarted");
  expect(pod.status?.phase).toBe("Succeeded");
  expect(containerOf(pod, "gateway").restartCount).toBeGreaterThanOrEqual(2);
  expect(containerOf(pod, "main").restartCount).toBe(0);
});

test("a Job is Complete when its pod has succeeded, and its log can be read", async () => {
  const signal = AbortSignal.timeout(60_000);
  const metadata = { name: "job", namespace: namespace.name };
  const containers = [{ name: "main", image, args: ["echo hello; echo there >&2"] }];
  const template = { spec: { restartPolicy: "Never" as const, ...node.place, containers } };
  const job = { apiVersion: "batch/v1", kind: "Job", metadata, spec: { backoffLimit: 0, template } };
  await client.create(resources.jobs, job, { signal });
  await waitFor("the Job to be Complete", async (signal) => {
    const { status } = await client.get(resources.jobs, metadata, { signal });
    return status?.conditions?.some(({ type }) => type === "Complete") ? { done: true } : { pending: status };
  });
  const log = await kubectlOk(["logs", "--namespace", namespace.name, "job/job"]);
  expect(log.split("\n").toSorted()).toEqual(["", "hello", "there"]);
});

/** How often the status of a pod was written so far. */
async function statusWrites(name: string): Promise<number> {
  const log = await readFile(inject("cluster").auditLog, "utf8");
  return log
    .split("\n")
    .filter((line) => line.includes(namespace.name))
    .map((line) => JSON.parse(line) as { verb: string; objectRef?: Record<string, string> })
    .filter(({ verb, objectRef }) => verb === "patch" && objectRef?.["subresource"] === "status")
    .filter(({ objectRef }) => objectRef?.["namespace"] === namespace.name && objectRef["name"] === name).length;
}

test("a pod's status is written when it changes, and not otherwise", async () => {
  await pods.create("counted", { containers: [{ name: "main", image, args: ["sleep 2"] }] });
  await pods.ended("counted");
  // It waits for its volumes, has them, runs, has ended: some of these may fall together.
  expect([2, 3, 4]).toContain(await statusWrites("counted"));
});

test("trying again in vain writes nothing", async () => {
  const env = [{ name: "KEY", valueFrom: { secretKeyRef: { name: "none", key: "k" } } }];
  await pods.create("vain", { containers: [{ name: "main", image, env }] });
  await pods.until("vain", "waits", (pod) => containerOf(pod, "main").state?.waiting?.message);
  const before = await statusWrites("vain");
  // While this one runs, the other is tried again several times.
  await pods.create("slower", { containers: [{ name: "main", image, args: ["sleep 2"] }] });
  await pods.ended("slower");
  expect(await statusWrites("vain")).toBe(before);
});
