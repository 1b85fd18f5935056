import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kubectlOk } from "../support/cluster.ts";

const MAIN = fileURLToPath(new URL("../../packages/local-cluster/src/main.ts", import.meta.url));
const parts = [
  "etcd",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "forge",
  "rehearsal-model",
  "provisioner",
  "node",
];
const operators = ["docs-generation-operator", "task-implementation-operator"];

let parent: string;
let directory: string;

interface Result {
  code: number | string;
  stdout: string;
  stderr: string;
}

function localCluster(command: "up" | "down" | "status"): Promise<Result> {
  const args = ["--conditions=@orchestrator/source", MAIN, command, "--directory", directory];
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? "unknown"), stdout, stderr }),
    );
  });
}

async function up(): Promise<string[]> {
  const { code, stderr } = await localCluster("up");
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stderr.split("\n").filter((line) => line.startsWith("starting "));
}

/** What `status` says: state by name. */
async function status(): Promise<{ code: number | string; states: Record<string, string> }> {
  const { code, stdout } = await localCluster("status");
  const rows = stdout
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(/ {3,}/));
  return { code, states: Object.fromEntries(rows.map(([name = "", state = ""]) => [name, state])) };
}

async function pidOf(part: string): Promise<number> {
  return Number((await readFile(join(directory, `${part}.pid`), "utf8")).split(" ")[0]);
}

async function pids(): Promise<Record<string, number>> {
  const found = await Promise.all(parts.map(async (part) => [part, await pidOf(part)] as const));
  return Object.fromEntries(found) as Record<string, number>;
}

/** Command lines of processes that have to do with the cluster's directory. */
async function processes(): Promise<string[]> {
  const numbers = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(numbers.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return lines.filter((line) => line.includes(directory)).map((line) => line.replaceAll("\0", " "));
}

function kubectl(...args: string[]): Promise<string> {
  const cluster = { kubectl: join(directory, "bin", "kubectl"), kubeconfig: join(directory, "kubeconfig") };
  return kubectlOk(args, { cluster });
}

const allWell = {
  code: 0,
  states: Object.fromEntries([
    ...parts.map((part) => [part, "running"]),
    ...operators.map((operator) => [operator, "available"]),
  ]) as Record<string, string>,
};

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "local-cluster-"));
  directory = join(parent, "cluster");
});

afterAll(async () => {
  await localCluster("down");
  await rm(parent, { recursive: true, force: true });
});

describe("a local cluster", () => {
  test("is started by one command, and a second one changes nothing", async () => {
    expect(await up()).toEqual(parts.map((part) => `starting ${part}`));
    expect(await status()).toEqual(allWell);
    await kubectl("create", "configmap", "kept", "--from-literal=a=b");
    const before = await pids();
    expect(await up()).toEqual([]);
    expect(await pids()).toEqual(before);
  });

  test.each(parts)("goes on as it was when %s is killed and it is started again", async (part) => {
    const before = await pids();
    process.kill(before[part] ?? 0, "SIGKILL");
    const broken = await status();
    expect(broken).toMatchObject({ code: 1, states: { [part]: "stopped" } });
    const others = parts.filter((other) => other !== part);
    for (const other of others) expect(broken.states[other]).toBe("running");

    expect(await up()).toEqual([`starting ${part}`]);
    const { [part]: now, ...rest } = await pids();
    const { [part]: killed, ...kept } = before;
    expect(now).not.toBe(killed);
    expect(rest).toEqual(kept);
    expect(await kubectl("get", "configmap", "kept", "-o", "jsonpath={.data.a}")).toBe("b");
    expect(await status()).toEqual(allWell);
  });

  test("goes on as it was when all of it is killed at once", async () => {
    for (const pid of Object.values(await pids())) process.kill(pid, "SIGKILL");
    expect(await up()).toEqual(parts.map((part) => `starting ${part}`));
    expect(await status()).toEqual(allWell);
    expect(await kubectl("get", "configmap", "kept", "-o", "jsonpath={.data.a}")).toBe("b");
  });

  test("ends without leaving a process or a file, also when parts of it were killed", async () => {
    expect((await processes()).length).toBeGreaterThan(parts.length - 1);
    process.kill(await pidOf("node"), "SIGKILL");
    expect(await localCluster("down")).toMatchObject({ code: 0 });
    expect(await processes()).toEqual([]);
    expect(await readdir(parent)).toEqual([]);
  });
});
