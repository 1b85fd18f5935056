import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Container } from "@orchestrator/controller-runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type NodeLab, startNodeLab } from "../support/node-lab.ts";
import { containerOf, endOf } from "../support/pods.ts";

let lab: NodeLab;
let node: NodeLab["node"];
let pods: NodeLab["pods"];

beforeAll(async () => {
  lab = await startNodeLab();
  ({ node, pods } = lab);
});
afterAll(() => lab[Symbol.asyncDispose]());

const image = "shell";

/** Ends with `code` a while after SIGTERM, leaving `message`. */
function orderly(name: string, { message, code }: { message: string; code: number }): Container {
  const script = `
trap 'sleep 0.3; echo ${message} > /dev/termination-log; exit ${code}' TERM
touch /tmp/up; while :; do sleep 0.05; done`;
  return {
    name,
    image,
    args: [script],
    startupProbe: { exec: { command: ["test", "-f", "/tmp/up"] }, periodSeconds: 1 },
  };
}

async function untilStarted(pod: string, container: string): Promise<void> {
  await pods.until(pod, `${container} has started`, (pod) => containerOf(pod, container).started || undefined);
}

test("activeDeadlineSeconds patched to 1 ends a running pod in order and keeps both messages", async () => {
  await pods.create("cancelled", {
    initContainers: [{ ...orderly("gateway", { message: "delivered nothing", code: 0 }), restartPolicy: "Always" }],
    containers: [orderly("agent", { message: "interrupted", code: 143 })],
  });
  await untilStarted("cancelled", "agent");
  await pods.patch("cancelled", { activeDeadlineSeconds: 1 });
  const pod = await pods.ended("cancelled");
  expect(pod.status).toMatchObject({ phase: "Failed", reason: "DeadlineExceeded" });
  expect(endOf(pod, "agent")).toEqual({ exitCode: 143, reason: "Error", message: "interrupted\n" });
  expect(endOf(pod, "gateway")).toEqual({ exitCode: 0, reason: "Completed", message: "delivered nothing\n" });
  const finishedAt = ["agent", "gateway"].map((name) => containerOf(pod, name).state?.terminated?.finishedAt ?? "");
  expect(finishedAt).toEqual(finishedAt.toSorted());
});

test("a deleted pod has its grace, and nothing of it is left", async () => {
  await pods.create("deleted", { containers: [orderly("main", { message: "goodbye", code: 0 })] });
  await untilStarted("deleted", "main");
  const pod = await pods.deleteAndWatch("deleted");
  expect(pod.status?.phase).toBe("Succeeded");
  expect(endOf(pod, "main")).toEqual({ exitCode: 0, reason: "Completed", message: "goodbye\n" });
  expect(await readdir(join(node.directory, "pods"))).not.toContain(pod.metadata.uid);
});

test("a container that does not heed SIGTERM is killed when its grace is over, with all it has started", async () => {
  const seconds = `7${Date.now()}`;
  const script = `trap '' TERM; sleep ${seconds} & touch /tmp/up; while :; do sleep 1; done`;
  const main: Container = { ...orderly("main", { message: "", code: 0 }), args: [script] };
  await pods.create("stubborn", { terminationGracePeriodSeconds: 1, containers: [main] });
  await untilStarted("stubborn", "main");
  expect(await sleepersOf(seconds)).toBe(1);
  await pods.patch("stubborn", { activeDeadlineSeconds: 1 });
  const pod = await pods.ended("stubborn");
  expect(endOf(pod, "main")).toEqual({ exitCode: 137, reason: "Error" });
  expect(await sleepersOf(seconds)).toBe(0);
});

test("a container above its memory limit is killed and reported as OOMKilled, counting its children", async () => {
  const hoard = "const kept = []; setInterval(() => kept.push(Buffer.alloc(8 << 20, 1)), 5)";
  await pods.create("greedy", {
    containers: [
      {
        name: "main",
        image,
        args: [`node -e '${hoard}'; echo survived > /dev/termination-log`],
        resources: { limits: { memory: "200Mi" } },
      },
    ],
  });
  const pod = await pods.ended("greedy");
  expect(pod.status?.phase).toBe("Failed");
  expect(endOf(pod, "main")).toEqual({ exitCode: 137, reason: "OOMKilled" });
});

test("a command that does not exist ends its container with StartError", async () => {
  await pods.create("mistaken", { containers: [{ name: "main", image, command: ["no-such-program"] }] });
  const pod = await pods.ended("mistaken");
  expect(pod.status?.phase).toBe("Failed");
  const { exitCode, reason, message } = endOf(pod, "main");
  expect({ exitCode, reason }).toEqual({ exitCode: 128, reason: "StartError" });
  expect(message).toContain(`exec: "no-such-program": executable file not found in $PATH`);
});

test("a pod with an image that this node does not have waits, and says so", async () => {
  await pods.create("unknown", { containers: [{ name: "main", image: "example.com/none:1" }] });
  const waiting = await pods.until("unknown", "backs off", (pod) => {
    const { waiting } = containerOf(pod, "main").state ?? {};
    return waiting?.reason === "ImagePullBackOff" ? waiting : undefined;
  });
  expect(waiting.message).toContain(`Back-off pulling image "example.com/none:1": ErrImagePull`);
});

test("a container that keeps failing is started again, less and less often", async () => {
  await pods.create("crashing", {
    restartPolicy: "OnFailure",
    containers: [{ name: "main", image, args: ["echo again > /dev/termination-log; exit 4"] }],
  });
  const status = await pods.until("crashing", "backs off after two restarts", (pod) => {
    const status = containerOf(pod, "main");
    return status.restartCount >= 2 && status.state?.waiting?.reason === "CrashLoopBackOff" ? status : undefined;
  });
  expect(status.lastState?.terminated).toMatchObject({ exitCode: 4, reason: "Error", message: "again\n" });
  await pods.delete("crashing");
  await pods.gone("crashing");
});

test("a message is cut to the pod's share, and the log stands in for a missing one", async () => {
  const fill = (letter: string): string => `head -c 5000 /dev/zero | tr '\\0' ${letter} > /dev/termination-log`;
  await pods.create("talkative", {
    initContainers: ["a", "b", "c"].map((name) => ({ name, image, args: [fill(name)] })),
    containers: [
      { name: "main", image, args: ["echo one; echo two; exit 1"], terminationMessagePolicy: "FallbackToLogsOnError" },
    ],
  });
  const pod = await pods.ended("talkative");
  expect(endOf(pod, "a").message).toBe("a".repeat(12_288 / 4));
  expect(endOf(pod, "main").message).toBe("one\ntwo\n");
});

/** How many processes of the machine are `sleep seconds`. */
async function sleepersOf(seconds: string): Promise<number> {
  const pids = (await readdir("/proc")).filter((entry) => /^[0-9]+$/.test(entry));
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return commands.filter((command) => command === `sleep\0${seconds}\0`).length;
}
