import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ContainerBlocked, containerEnvironment, expand } from "./environment.ts";
import type { Image } from "./image-table.ts";
import type { Exit } from "./lifecycle/container-record.ts";
import { limitMessage, logFallback } from "./lifecycle/message-limit.ts";
import { ContainerLog } from "./logs/container-log.ts";
import { lastLogText } from "./logs/log-reader.ts";
import type { NodeContext } from "./node-context.ts";
import { allContainers, type Container, type Pod } from "./pod.ts";
import { parseQuantity } from "./quantity.ts";
import { removeFolder } from "./remove-folder.ts";
import { type Sandbox, startSandbox } from "./sandbox/sandbox.ts";
import type { PodVolumes } from "./volumes/pod-volumes.ts";

const standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const standardMessagePath = "/dev/termination-log";

export interface ContainerStart {
  pod: Pod;
  container: Container;
  /** Number of this run, from 0. */
  index: number;
  /** For this container alone. */
  directory: string;
  volumes: PodVolumes;
  context: NodeContext;
  signal: AbortSignal;
}

/** A container that runs. */
export interface StartedContainer {
  id: string;
  startedAt: number;
  sandbox: Sandbox;
  /** Settles when its processes are gone; rejects when its log or its termination message could not be had. */
  ended: Promise<Exit>;
}

/** Where the log of a run is. */
export function logFile(directory: string, index: number): string {
  return join(directory, `${index}.log`);
}

/**
 * Starts a container. `onLog` is given its log before the first line.
 * @throws ContainerBlocked when its image, or something that its environment refers to, is missing
 * @throws CommandMissing, SandboxFailed
 */
export async function startContainer(
  start: ContainerStart,
  onLog: (log: ContainerLog) => void,
): Promise<StartedContainer> {
  const { container, context, directory, index, volumes } = start;
  const image = imageOf(container, context);
  const environment = await environmentOf(start, image);
  const box = join(directory, "box");
  const log = await ContainerLog.create(logFile(directory, index), () => context.clock.now());
  onLog(log);
  const messageFile = join(directory, `${index}.message`);
  await writeFile(messageFile, "");
  const { securityContext = {} } = container;
  const messagePath = container.terminationMessagePath ?? standardMessagePath;
  try {
    const sandbox = await startSandbox({
      directory: box,
      tools: context.tools,
      command: commandOf(container, image, environment),
      environment,
      workingDirectory: container.workingDir ?? image.workingDir ?? "/",
      binds: [
        ...image.mounts.map(({ hostPath, path }) => ({ source: hostPath, target: path, readOnly: true })),
        ...(await volumes.bindsOf(container)),
        { source: messageFile, target: messagePath, readOnly: false },
      ],
      readOnlyRoot: securityContext.readOnlyRootFilesystem === true,
      dropCapabilities: securityContext.capabilities?.drop?.includes("ALL") === true,
      noNewPrivileges: securityContext.allowPrivilegeEscalation === false,
      output: {
        stdout: (stream) => log.write("stdout", stream),
        stderr: (stream) => log.write("stderr", stream),
      },
    });
    const id = randomUUID();
    const startedAt = context.clock.now();
    return { id, startedAt, sandbox, ended: endOf(start, { id, startedAt, sandbox, log, messageFile, box }) };
  } catch (error) {
    await log.close();
    throw error;
  }
}

function imageOf({ image: name = "" }: Container, { images }: NodeContext): Image {
  const image = images.get(name);
  if (image !== undefined) return image;
  const known = [...images.keys()].join(", ") || "none";
  throw new ContainerBlocked(
    "ErrImagePull",
    `failed to pull image "${name}": the local node has no image of this name (it has: ${known})`,
  );
}

function environmentOf(
  { pod, container, context, signal }: ContainerStart,
  image: Image,
): Promise<Record<string, string>> {
  return containerEnvironment({
    pod,
    container,
    base: { PATH: standardPath, HOME: "/root", ...image.env },
    service: context.serviceEnvironment,
    allocatable: context.allocatable,
    find: context.sources.textsOf(pod.metadata.namespace ?? "", signal),
  });
}

function commandOf(container: Container, image: Image, environment: Readonly<Record<string, string>>): string[] {
  const words = [...(container.command ?? image.entrypoint), ...(container.args ?? [])];
  if (words.length === 0) {
    throw new ContainerBlocked("CreateContainerError", `image ${container.image ?? ""} has no command`);
  }
  return words.map((word) => expand(word, environment));
}

interface Running {
  id: string;
  startedAt: number;
  sandbox: Sandbox;
  log: ContainerLog;
  messageFile: string;
  box: string;
}

async function endOf({ pod, container, context }: ContainerStart, running: Running): Promise<Exit> {
  const { id, startedAt, sandbox, log, messageFile, box } = running;
  let outOfMemory = false;
  const limitBytes = parseQuantity(container.resources?.limits?.["memory"] ?? "");
  const unwatch =
    limitBytes === undefined
      ? () => {}
      : context.memoryWatch.add({
          pid: sandbox.pid,
          limitBytes,
          exceeded: () => {
            outOfMemory = true;
            sandbox.kill();
          },
        });
  let exitCode: number;
  try {
    exitCode = await sandbox.ended;
  } finally {
    unwatch();
    await log.close();
  }
  const finishedAt = context.clock.now();
  const message = await messageOf({ pod, container, exitCode, messageFile, logPath: log.path });
  await removeFolder(box);
  const reason = outOfMemory ? "OOMKilled" : exitCode === 0 ? "Completed" : "Error";
  return { containerId: id, startedAt, finishedAt, exitCode, reason, ...(message === "" ? {} : { message }) };
}

async function messageOf(options: {
  pod: Pod;
  container: Container;
  exitCode: number;
  messageFile: string;
  logPath: string;
}): Promise<string> {
  const { pod, container, exitCode, messageFile, logPath } = options;
  const message = limitMessage(await readFile(messageFile), allContainers(pod).length);
  const fallback = container.terminationMessagePolicy === "FallbackToLogsOnError" && exitCode !== 0;
  return message === "" && fallback ? lastLogText(logPath, logFallback) : message;
}
