import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chown, copyFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Container, type KubernetesClient, resources } from "@orchestrator/controller-runtime";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { adminClient, kubectlOk } from "../support/cluster.ts";
import { createNamespace, type TestNamespace } from "../support/namespace.ts";
import { nodeName, placeOn } from "../support/node.ts";
import { containerOf, endOf, TestPods } from "../support/pods.ts";

const program = fileURLToPath(new URL("../support/run-node.ts", import.meta.url));
const ordinary = 65_534;
let client: KubernetesClient;
let namespace: TestNamespace;

beforeAll(async () => {
  client = await adminClient();
  namespace = await createNamespace(client, "node");
});
afterAll(async () => {
  await namespace.delete();
  await client.close();
});

interface NodeProcesses extends AsyncDisposable {
  name: string;
  directory: string;
  start(): Promise<ChildProcess>;
}

/** Starts processes of one node, as this user or as an ordinary one, who is given what a node needs to read. */
async function nodeProcesses(user: "this user" | "an ordinary user"): Promise<NodeProcesses> {
  const name = nodeName();
  const directory = await mkdtemp(join(tmpdir(), "orchestrator-node-"));
  const own = async (file: string): Promise<string> => {
    const copy = join(directory, basename(file));
    await copyFile(file, copy);
    if (user === "an ordinary user") await chown(copy, ordinary, ordinary);
    return copy;
  };
  const { server, ...files } = inject("cluster");
  const { certFile, keyFile } = files.serverCertificate;
  const cluster = {
    server,
    kubeconfig: await own(files.kubeconfig),
    caFile: await own(files.caFile),
    serverCertificate: { certFile: await own(certFile), keyFile: await own(keyFile) },
  };
  if (user === "an ordinary user") await chown(directory, ordinary, ordinary);
  const options = JSON.stringify({ cluster, name, directory: join(directory, "node") });
  const become = [`--reuid=${ordinary}`, `--regid=${ordinary}`, "--clear-groups"];
  const node = [process.execPath, "--conditions=@orchestrator/source", program, options];
  const [command = "", ...args] = user === "an ordinary user" ? ["setpriv", ...become, ...node] : node;
  return {
    name,
    directory: join(directory, "node"),
    start: async () => {
      const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
      await once(child.stdout, "data");
      return child;
    },
    [Symbol.asyncDispose]: async () => {
      await client.delete(resources.nodes, { name }, { signal: AbortSignal.timeout(30_000) });
      await rm(directory, { recursive: true, force: true });
    },
  };
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

// Becoming another user needs root; otherwise this user is the ordinary one.
const users = process.getuid?.() === 0 ? (["this user", "an ordinary user"] as const) : (["this user"] as const);

test.each(users)(
  "a node of %s that is killed leaves no process, and is there again when it is started",
  async (user) => {
    await using node = await nodeProcesses(user);
    const pods = new TestPods({ client, namespace: namespace.name, place: placeOn(node.name) });
    const [onceName, alwaysName, removedName] = ["once", "always", "removed"].map((part) => `${part}-${node.name}`) as [
      string,
      string,
      string,
    ];
    const seconds = `8${Date.now()}`;
    const main: Container = {
      name: "main",
      image: "shell",
      args: [`touch /work/x; echo up; sleep ${seconds} & sleep ${seconds}`],
    };
    const volumes = [{ name: "work", emptyDir: {} }];
    main.volumeMounts = [{ name: "work", mountPath: "/work" }];
    const first = await node.start();
    await pods.create(onceName, { volumes, containers: [main] });
    await pods.create(alwaysName, { restartPolicy: "Always", volumes, containers: [main] });
    await pods.create(removedName, { volumes, containers: [main] });
    for (const pod of [onceName, alwaysName, removedName]) await pods.running(pod);
    await expect.poll(() => sleepersOf(seconds), { timeout: 60_000 }).toBe(6);

    await kill(first);
    await expect.poll(() => sleepersOf(seconds), { timeout: 60_000 }).toBe(0);
    await pods.delete(removedName, 0);
    await pods.gone(removedName);

    const second = await node.start();
    const once = await pods.ended(onceName);
    expect(once.status).toMatchObject({ phase: "Failed", reason: "NodeLost" });
    expect(endOf(once, "main")).toMatchObject({ exitCode: 137, reason: "ContainerStatusUnknown" });
    const again = await pods.until(alwaysName, "runs again", (pod) => {
      const status = containerOf(pod, "main");
      return status.restartCount === 1 && status.state?.running !== undefined ? pod : undefined;
    });
    expect(containerOf(again, "main").lastState?.terminated?.reason).toBe("ContainerStatusUnknown");
    await expect.poll(() => sleepersOf(seconds), { timeout: 60_000 }).toBe(2);
    const uids = [once.metadata.uid, again.metadata.uid];
    expect(new Set(await readdir(join(node.directory, "pods")))).toEqual(new Set(uids));
    expect(await kubectlOk(["logs", "--namespace", namespace.name, onceName])).toBe("up\n");

    await kill(second);
    await expect.poll(() => sleepersOf(seconds), { timeout: 60_000 }).toBe(0);
  },
);
