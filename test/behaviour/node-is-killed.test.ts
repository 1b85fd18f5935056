import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Container, type KubernetesClient, resources } from "@orchestrator/controller-runtime";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { adminClient, kubectlOk } from "../support/cluster.ts";
import { createNamespace, type TestNamespace } from "../support/namespace.ts";
import { nodeName, placeOn } from "../support/node.ts";
import { containerOf, endOf, TestPods } from "../support/pods.ts";

const program = fileURLToPath(new URL("../support/run-node.ts", import.meta.url));
const name = nodeName();
let client: KubernetesClient;
let namespace: TestNamespace;
let pods: TestPods;
let directory: string;

beforeAll(async () => {
  client = await adminClient();
  namespace = await createNamespace(client, "node");
  pods = new TestPods({ client, namespace: namespace.name, place: placeOn(name) });
  directory = await mkdtemp(join(tmpdir(), "orchestrator-node-"));
});
afterAll(async () => {
  await namespace.delete();
  await client.delete(resources.nodes, { name }, { signal: AbortSignal.timeout(30_000) });
  await rm(directory, { recursive: true, force: true });
  await client.close();
});

async function startNodeProcess(): Promise<ChildProcess> {
  const options = JSON.stringify({ cluster: inject("cluster"), name, directory });
  const child = spawn(process.execPath, ["--conditions=@orchestrator/source", program, options], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}

/** How many processes of the machine are `sleep seconds`. */
async function sleepersOf(seconds: string): Promise<number> {
  const pids = (await readdir("/proc")).filter((entry) => /^[0-9]+$/.test(entry));
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return commands.filter((command) => command === `sleep\0${seconds}\0`).length;
}

test("a node that is killed leaves no process, and goes on where that is right when it is started again", async () => {
  const seconds = `8${Date.now()}`;
  const main: Container = { name: "main", image: "shell", args: [`echo up; sleep ${seconds} & sleep ${seconds}`] };
  const first = await startNodeProcess();
  await pods.create("once", { containers: [main] });
  await pods.create("always", { restartPolicy: "Always", containers: [main] });
  await pods.create("removed", { containers: [main] });
  for (const pod of ["once", "always", "removed"]) await pods.running(pod);
  await expect.poll(() => sleepersOf(seconds), { timeout: 20_000 }).toBe(6);

  await kill(first);
  await expect.poll(() => sleepersOf(seconds), { timeout: 20_000 }).toBe(0);
  await pods.delete("removed", 0);
  await pods.gone("removed");

  const second = await startNodeProcess();
  const once = await pods.ended("once");
  expect(once.status?.phase).toBe("Failed");
  expect(endOf(once, "main")).toMatchObject({ exitCode: 137, reason: "ContainerStatusUnknown" });
  const again = await pods.until("always", "runs again", (pod) => {
    const status = containerOf(pod, "main");
    return status.restartCount === 1 && status.state?.running !== undefined ? pod : undefined;
  });
  expect(containerOf(again, "main").lastState?.terminated?.reason).toBe("ContainerStatusUnknown");
  await expect.poll(() => sleepersOf(seconds), { timeout: 20_000 }).toBe(2);
  const uids = [once.metadata.uid, again.metadata.uid];
  expect(new Set(await readdir(join(directory, "pods")))).toEqual(new Set(uids));
  expect(await kubectlOk(["logs", "--namespace", namespace.name, "once"])).toBe("up\n");

  await kill(second);
  await expect.poll(() => sleepersOf(seconds), { timeout: 20_000 }).toBe(0);
});
