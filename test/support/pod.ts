import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import type { AttemptResources } from "@orchestrator/core";
import {
  type AgentMessage,
  agentMessage,
  type GatewayMessage,
  gatewayMessage,
  type PrepareMessage,
  prepareMessage,
  type ProgressLine,
  progressLine,
} from "@orchestrator/core/pure";
import { findTools, type Image, localImages, type Sandbox, startSandbox } from "@orchestrator/local-cluster";
import { waitFor } from "./wait.ts";

export interface PodOptions {
  /** What an operator's handler made. */
  resources: AttemptResources;
  /** By name of the Secret, then by key. */
  secrets: Record<string, Record<string, string>>;
  /** Programs of the agent's image that are replaced, or taken away by `null`, by their path. */
  programs?: Record<string, string | null>;
}

/** How a container ended, with what it said. */
export interface ContainerEnd {
  exitCode: number;
  stdout: string;
  stderr: string;
  /** Its termination message. */
  message: string;
}

/** The pod of an attempt, its containers as real processes in sandboxes, without an API server. */
export interface PlayedPod extends AsyncDisposable {
  /** Starts the gateway and waits until its door is open. */
  openGateway(): Promise<void>;
  /** Starts `prepare` or `agent`. */
  start(container: "prepare" | "agent"): Promise<RunningContainer>;
  /** Ends the gateway as the kubelet does, and gives its message. */
  closeGateway(): Promise<GatewayMessage>;
  /** Where a path of the pod lies on this machine. */
  path(inPod: string): string;
}

export interface RunningContainer {
  readonly ended: Promise<ContainerEnd>;
  /** What it has written to stdout so far. */
  stdout(): string;
  signal(name: NodeJS.Signals): void;
}

type PodSpec = NonNullable<AttemptResources["job"]["spec"]>["template"]["spec"];
type Container = PodSpec["containers"][number];

export async function playPod(options: PodOptions): Promise<PlayedPod> {
  const mounts = imageMounts(await localImages(), options.programs ?? {});
  const root = await mkdtemp(join(tmpdir(), "test-pod-"));
  const spec = options.resources.job.spec?.template.spec as PodSpec;
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  const volumes = await makeVolumes(root, spec, options);
  const sandboxes = new Set<Sandbox>();

  async function start(name: string): Promise<RunningContainer> {
    const container = containers.find((candidate) => candidate.name === name) as Container;
    const directory = join(root, "containers", name);
    await mkdir(directory, { recursive: true });
    const messageFile = join(directory, "termination-log");
    await writeFile(messageFile, "");
    let stdout = "";
    let stderr = Promise.resolve("");
    const sandbox = await startSandbox({
      directory: join(directory, "box"),
      tools: await findTools(),
      command: [...(container.command ?? []), ...(container.args ?? [])],
      environment: Object.fromEntries((container.env ?? []).map(({ name: key, value = "" }) => [key, value])),
      workingDirectory: "/",
      binds: [
        ...mounts,
        ...(container.volumeMounts ?? []).map(({ name: volume, mountPath, readOnly = false }) => ({
          source: join(volumes, volume),
          target: mountPath,
          readOnly,
        })),
        { source: messageFile, target: "/dev/termination-log", readOnly: false },
      ],
      readOnlyRoot: true,
      dropCapabilities: true,
      noNewPrivileges: true,
      output: {
        async stdout(stream) {
          stream.setEncoding("utf8");
          for await (const chunk of stream) stdout += String(chunk);
        },
        async stderr(stream) {
          stderr = text(stream);
          await stderr;
        },
      },
    });
    sandboxes.add(sandbox);
    const ended = sandbox.ended.then(async (exitCode) => {
      sandboxes.delete(sandbox);
      return { exitCode, stdout, stderr: await stderr, message: await readFile(messageFile, "utf8") };
    });
    return { ended, stdout: () => stdout, signal: (signal) => sandbox.signal(signal) };
  }

  const path = (inPod: string): string => {
    const all = containers.flatMap(({ volumeMounts = [] }) => volumeMounts);
    const mount = all.find(({ mountPath }) => inPod === mountPath || inPod.startsWith(`${mountPath}/`));
    if (mount === undefined) throw new Error(`${inPod} is on no volume`);
    return join(volumes, mount.name, inPod.slice(mount.mountPath.length));
  };

  let gateway: RunningContainer | undefined;
  return {
    async openGateway() {
      gateway = await start("gateway");
      await waitFor("the gateway's door", async () => ({
        done: await readFile(path("/run/orchestrator/door/door.json")),
      }));
    },
    start,
    async closeGateway() {
      gateway?.signal("SIGTERM");
      const end = await (gateway as RunningContainer).ended;
      return gatewayMessage.parse(JSON.parse(end.message));
    },
    path,
    async [Symbol.asyncDispose]() {
      for (const sandbox of sandboxes) sandbox.kill();
      await Promise.allSettled([...sandboxes].map(({ ended }) => ended));
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** What a pod's containers told when all of it has run. */
export interface PodEnd {
  prepare: ContainerEnd;
  agent: ContainerEnd;
  agentMessage: AgentMessage;
  gateway: GatewayMessage;
  progress: ProgressLine[];
}

/** Runs a pod from its gateway's start to its end. */
export async function runPod(pod: PlayedPod): Promise<PodEnd> {
  await pod.openGateway();
  const prepare = await (await pod.start("prepare")).ended;
  if (prepare.exitCode !== 0)
    throw new Error(`prepare ended with ${prepare.exitCode}: ${prepare.message}${prepare.stderr}`);
  const agent = await (await pod.start("agent")).ended;
  const gateway = await pod.closeGateway();
  return {
    prepare,
    agent,
    agentMessage: agentMessage.parse(JSON.parse(agent.message)),
    gateway,
    progress: progressOf(agent.stdout),
  };
}

/** Runs a pod whose `prepare` is to end it, and gives what that says. */
export async function refusedPod(pod: PlayedPod): Promise<{ exitCode: number; message: PrepareMessage }> {
  await pod.openGateway();
  const { exitCode, message } = await (await pod.start("prepare")).ended;
  return { exitCode, message: prepareMessage.parse(JSON.parse(message)) };
}

export function progressOf(stdout: string): ProgressLine[] {
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => progressLine.parse(JSON.parse(line)));
}

function imageMounts(images: ReadonlyMap<string, Image>, programs: Record<string, string | null>) {
  const image = images.get("orchestrator/agent:dev");
  if (image === undefined) throw new Error("there is no image of the agent");
  return image.mounts
    .map(({ hostPath, path }) => ({ source: programs[path] === undefined ? hostPath : programs[path], target: path }))
    .flatMap(({ source, target }) => (source === null ? [] : [{ source, target, readOnly: true }]));
}

async function makeVolumes(root: string, spec: PodSpec, { resources, secrets }: PodOptions): Promise<string> {
  const volumes = join(root, "volumes");
  for (const volume of spec.volumes ?? []) {
    const folder = join(volumes, volume.name);
    await mkdir(folder, { recursive: true });
    const files =
      volume.configMap === undefined
        ? (secrets[volume.secret?.secretName ?? ""] ?? {})
        : (resources.configMap.data ?? {});
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), content);
      await chmod(join(folder, name), 0o555);
    }
  }
  return volumes;
}
