import { mkdir, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import {
  type Clock,
  EventRecorder,
  Informer,
  type KubernetesClient,
  type Logger,
  systemClock,
} from "@orchestrator/controller-runtime";
import type { ImageTable } from "./image-table.ts";
import { type NodeTls, startLogServer } from "./log-server.ts";
import { MemoryWatch } from "./memory-watch.ts";
import type { NodeContext } from "./node-context.ts";
import { machineCapacity, type Taint } from "./node-object.ts";
import { type Pod, pods } from "./pod.ts";
import { PodEvents } from "./pod-events.ts";
import { PodWorkers } from "./pod-workers.ts";
import { keepAlive, register } from "./registration.ts";
import { removeFolder } from "./remove-folder.ts";
import { startSandbox } from "./sandbox/sandbox.ts";
import { SandboxesForbidden, SandboxFailed } from "./sandbox/sandbox-error.ts";
import { findTools, type Tools } from "./sandbox/tools.ts";
import { defaultSettings, type NodeSettings } from "./settings.ts";
import { ClusterSources } from "./volumes/cluster-sources.ts";

export interface NodeOptions {
  /** With the rights of a node, or more. Not closed by the node. */
  client: KubernetesClient;
  /** Default `local`. */
  name?: string;
  /** Absolute path; volumes, logs and sandboxes are in it. Belongs to this node alone. */
  directory: string;
  images: ImageTable;
  /** What pods are told of the API server. */
  serverAddress: { host: string; port: number };
  tls: NodeTls;
  /** Where logs are served. Default: any free port. */
  port?: number;
  /** What the scheduler may give out. Default: what this machine has. */
  capacity?: Partial<Record<"cpu" | "memory" | "ephemeral-storage" | "pods", string>>;
  /** Given to the node when it is first registered, so that only pods that tolerate them come here. Default: none. */
  taints?: Taint[];
  settings?: Partial<NodeSettings>;
  logger: Logger;
  /** Default: the system's. */
  clock?: Clock;
  /** Ends the node. */
  signal: AbortSignal;
}

export interface RunningNode {
  name: string;
  port: number;
  /** Resolves when the node was stopped, rejects when it has failed. */
  ended: Promise<void>;
  /** Kills all processes of all pods and leaves their objects as they are. */
  stop(): Promise<void>;
}

/**
 * Starts a node of this machine: it registers, and runs the pods bound to it as sandboxed processes.
 * @throws SandboxesForbidden when this machine does not allow that
 */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const { client, name = "local", directory, logger, clock = systemClock } = options;
  const stopped = new AbortController();
  const signal = AbortSignal.any([stopped.signal, options.signal]);
  const podsDirectory = join(directory, "pods");
  await mkdir(podsDirectory, { recursive: true, mode: 0o700 });
  const tools = await usableTools(directory);
  const settings = { ...defaultSettings, ...options.settings };
  const capacity = { ...machineCapacity(), ...options.capacity };
  const context = contextOf(options, { name, tools, settings, capacity, clock, podsDirectory });
  const workers = new PodWorkers(context, signal);
  const server = await startLogServer({
    tls: options.tls,
    port: options.port ?? 0,
    clock,
    logger,
    find: (container) => workers.log(container),
  });
  const { port } = server;
  const { taints = [] } = options;
  const registration = { client, clock, logger, name, taints, port, capacity, heartbeatMs: settings.heartbeatMs };
  await register(registration, signal);
  const informer = podInformer({ client, logger, clock, name, workers });
  const loops = [
    informer.run(signal),
    context.memoryWatch.run(signal),
    keepAlive(registration, signal),
    workers.refreshVolumes({ clock, intervalMs: settings.volumeRefreshMs }),
  ].map((loop) => untilAborted(loop, { signal, stopped }));
  const ended = Promise.all(loops).then(async () => {
    await workers.ended();
    await server.close();
    if (stopped.signal.reason instanceof NodeFailed) throw stopped.signal.reason;
  });
  // Whoever waits for the end sees a failure; nobody has to.
  ended.catch(() => undefined);
  await informer.synced(signal);
  await workers.removeLeftovers();
  return {
    name,
    port,
    ended,
    stop: () => {
      stopped.abort();
      return ended;
    },
  };
}

function podInformer(options: {
  client: KubernetesClient;
  logger: Logger;
  clock: Clock;
  name: string;
  workers: PodWorkers;
}): Informer<Pod, Pod> {
  const { client, logger, clock, name, workers } = options;
  const fieldSelector = `spec.nodeName=${name}`;
  const informer = new Informer<Pod, Pod>({ client, type: pods, fieldSelector, project: (pod) => pod, logger, clock });
  informer.onChange((change) => {
    if (change.type === "deleted") workers.remove(change.old);
    else workers.apply(change.current);
  });
  return informer;
}

function contextOf(
  { client, images, logger, serverAddress }: NodeOptions,
  shared: {
    name: string;
    tools: Tools;
    settings: NodeSettings;
    capacity: Readonly<Record<string, string>>;
    clock: Clock;
    podsDirectory: string;
  },
): NodeContext {
  const { clock, settings, name, capacity } = shared;
  const recorder = new EventRecorder({ client, component: "orchestrator.io/local-node", instance: name, clock });
  const port = String(serverAddress.port);
  return {
    client,
    clock,
    logger,
    settings,
    images,
    tools: shared.tools,
    sources: new ClusterSources(client),
    memoryWatch: new MemoryWatch({ clock, intervalMs: settings.memoryPollMs }),
    events: new PodEvents({ recorder, logger }),
    serviceEnvironment: {
      KUBERNETES_SERVICE_HOST: serverAddress.host,
      KUBERNETES_SERVICE_PORT: port,
      KUBERNETES_SERVICE_PORT_HTTPS: port,
    },
    allocatable: capacity,
    podsDirectory: shared.podsDirectory,
  };
}

/** The tools, once a sandbox was made with them. */
async function usableTools(directory: string): Promise<Tools> {
  const trial = await mkdtemp(join(directory, "trial-"));
  try {
    const tools = await findTools();
    const ignore = async (stream: AsyncIterable<unknown>): Promise<void> => {
      for await (const _ of stream);
    };
    const sandbox = await startSandbox({
      directory: trial,
      tools,
      command: ["true"],
      environment: { PATH: "/usr/bin:/bin" },
      workingDirectory: "/",
      binds: [],
      readOnlyRoot: true,
      dropCapabilities: true,
      noNewPrivileges: true,
      output: { stdout: ignore, stderr: ignore },
    });
    const exitCode = await sandbox.ended;
    if (exitCode !== 0) throw new SandboxFailed(`the trial command ended with ${exitCode}`);
    return tools;
  } catch (cause) {
    throw new SandboxesForbidden({ cause });
  } finally {
    await removeFolder(trial);
  }
}

/** A part of the node that must not end has ended. */
class NodeFailed extends Error {
  override readonly name = "NodeFailed";

  constructor(options: { cause: unknown }) {
    super("the local node has stopped working", options);
  }
}

async function untilAborted(
  loop: Promise<unknown>,
  { signal, stopped }: { signal: AbortSignal; stopped: AbortController },
): Promise<void> {
  try {
    await loop;
  } catch (cause) {
    if (!signal.aborted) stopped.abort(new NodeFailed({ cause }));
  }
}
