import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, readFile, realpath, stat, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { identifyProcess, isRunning, type ProcessIdentity } from "../../process/process-identity.ts";
import { boxScript, type PlannedBind } from "./box-script.ts";
import { type CommandResult, runCommand } from "./command.ts";
import { lockedOptionsAt, type Mount, mountsBelow, parseMountInfo } from "./mount-table.ts";
import { type OutputPipe, openOutputPipes } from "./process-output.ts";
import { CommandMissing, SandboxFailed } from "./sandbox-error.ts";
import { type Bind, planSystemFolders } from "./system-folders.ts";
import type { Tools } from "./tools.ts";

export interface SandboxOptions {
  /** For the sandbox alone; made when it does not exist. */
  directory: string;
  tools: Tools;
  command: string[];
  /** The whole environment, exactly. Names that are no shell identifiers are left out. */
  environment: Record<string, string>;
  /** Made when it does not exist. */
  workingDirectory: string;
  /** Mounted in this order. */
  binds: Bind[];
  readOnlyRoot: boolean;
  dropCapabilities: boolean;
  noNewPrivileges: boolean;
  /** Each is given its stream and resolves when all of it has been taken. */
  output: { stdout: (stream: Readable) => Promise<void>; stderr: (stream: Readable) => Promise<void> };
}

/** Processes that run apart from the others of this machine, and die with this one. */
export interface Sandbox {
  /** The pid by which this machine knows the main process, which is process 1 within the sandbox. */
  readonly pid: number;
  /**
   * The main process' exit code, 128 + n when signal n ended it. Resolves when all processes are gone and all output has
   * been taken; one whose output cannot be taken is killed, and this rejects then.
   */
  readonly ended: Promise<number>;
  /** Sends a signal to the main process. */
  signal(name: NodeJS.Signals): void;
  /** Ends all processes of the sandbox at once. */
  kill(): void;
  /** Runs a further command within the sandbox. */
  run(command: string[], options: { timeoutMs: number; signal: AbortSignal }): Promise<CommandResult>;
}

/**
 * Starts a command in a sandbox of its own: user, mount and process namespaces, a new root with this machine's system
 * folders read-only. It shares the network. No security boundary.
 * @throws CommandMissing when the command is not in the sandbox
 * @throws SandboxFailed when the sandbox could not be made
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { directory, tools, environment } = options;
  const script = await writeBox(options);
  const pipes = await openOutputPipes([join(directory, "stdout"), join(directory, "stderr")], tools.mkfifo);
  const [stdout, stderr] = pipes as [OutputPipe, OutputPipe];
  const child = spawn(tools.setpriv, ["--pdeathsig", "KILL", "--", ...isolate(tools.unshare), "/bin/sh", script], {
    cwd: "/",
    env: environment,
    detached: true,
    stdio: ["ignore", stdout.writeEnd, stderr.writeEnd, "pipe"],
  });
  for (const pipe of pipes) pipe.closeWriteEnd();
  const complaints = collect(stderr.readEnd, 2000);
  const output = Promise.all([options.output.stdout(stdout.readEnd), options.output.stderr(stderr.readEnd)]);
  const exitCode = exitCodeOf(child);
  const taken = output.catch(async (error: unknown) => {
    child.kill("SIGKILL");
    await exitCode;
    throw error;
  });
  const closed = Promise.all([exitCode, taken]).then(([code]) => code);
  // It may reject while the report is read; whoever waits for it later is told.
  closed.catch(() => undefined);
  const report = await readReport(child.stdio[3] as Readable);
  const pid = readyLine.exec(report)?.[1];
  if (pid === undefined) {
    await closed;
    if (report === "missing") throw new CommandMissing(options.command[0] ?? "");
    throw new SandboxFailed(`the sandbox could not be made: ${(report || complaints()).trim()}`);
  }
  const ended = untilGone(await identifyProcess(Number(pid)), closed);
  ended.catch(() => undefined);
  return runningSandbox(options, { child, pid: Number(pid), ended });
}

/**
 * A killed sandbox takes a moment to end, in which its processes can still write. The first process of a namespace is
 * gone when all others are.
 */
async function untilGone(main: ProcessIdentity | undefined, closed: Promise<number>): Promise<number> {
  try {
    return await closed;
  } finally {
    while (main !== undefined && (await isRunning(main))) await delay(5);
  }
}

function runningSandbox(
  { tools, environment, workingDirectory, dropCapabilities, noNewPrivileges }: SandboxOptions,
  { child, pid, ended }: { child: ChildProcess; pid: number; ended: Promise<number> },
): Sandbox {
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const enter = ["--target", String(pid), "--user", "--preserve-credentials", "--mount", "--pid", "--root", "--wd"];
  const prefix = confinement({ dropCapabilities, noNewPrivileges });
  return {
    pid,
    ended,
    signal: (name) => {
      if (!isOver()) sendSignal(pid, name);
    },
    kill: () => {
      // The process namespace ends with its first process, and that with the one that made it.
      child.kill("SIGKILL");
    },
    run: (command, { timeoutMs, signal }) =>
      runCommand({
        program: tools.setpriv,
        args: ["--pdeathsig", "KILL", "--", tools.nsenter, ...enter, "--", "/usr/bin/env", "-C", workingDirectory, "--"]
          .concat(prefix)
          .concat(command),
        environment,
        timeoutMs,
        signal,
      }),
  };
}

function isolate(unshare: string): string[] {
  return [unshare, "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "--"];
}

function confinement(options: { dropCapabilities: boolean; noNewPrivileges: boolean }): string[] {
  const wanted = [
    ...(options.dropCapabilities ? ["--inh-caps=-all", "--bounding-set=-all"] : []),
    ...(options.noNewPrivileges ? ["--no-new-privs"] : []),
  ];
  return wanted.length === 0 ? [] : ["setpriv", ...wanted, "--"];
}

async function writeBox(options: SandboxOptions): Promise<string> {
  const { directory, environment } = options;
  const root = join(directory, "root");
  await mkdir(root, { recursive: true });
  const mounts = parseMountInfo(await readFile("/proc/self/mountinfo", "utf8"));
  const system = await planSystemFolders(options.binds.map(({ target }) => target));
  const binds = await Promise.all([...system.binds, ...options.binds].map((bind) => planBind(bind, mounts)));
  const { script, tables } = boxScript({
    root,
    tables: directory,
    folders: system.folders,
    links: system.links,
    binds,
    readOnlyRoot: options.readOnlyRoot,
    workingDirectory: options.workingDirectory,
    path: environment["PATH"] ?? "",
    prefix: confinement(options),
    command: options.command,
  });
  await Promise.all(tables.map((table, index) => writeFile(join(directory, `mounts.${index}`), table)));
  const path = join(directory, "box.sh");
  await writeFile(path, script);
  return path;
}

async function planBind(bind: Bind, mounts: readonly Mount[]): Promise<PlannedBind> {
  const source = await realpath(bind.source);
  const below = mountsBelow(mounts, source).map(({ path }) => ({
    path: path.slice(source.length + 1),
    lockedOptions: lockedOptionsAt(mounts, path),
  }));
  const kind = (await stat(source)).isDirectory() ? "folder" : "file";
  return { ...bind, source, kind, lockedOptions: lockedOptionsAt(mounts, source), below };
}

function exitCodeOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}

const readyLine = /^ready ([0-9]+)\n/;

/** What the script says before it becomes the command: that it is ready, or all that went wrong. */
async function readReport(stream: Readable): Promise<string> {
  let text = "";
  stream.setEncoding("utf8");
  for await (const chunk of stream) {
    text += String(chunk);
    // The process that waits for the sandbox keeps its end open.
    if (readyLine.test(text)) break;
  }
  return text;
}

/** What a stream says first, at most `limit` characters; it can be read by others as well. */
function collect(stream: Readable, limit: number): () => string {
  let text = "";
  stream.on("data", (chunk: Buffer) => {
    if (text.length < limit) text += chunk.toString("utf8");
  });
  return () => text;
}

function sendSignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
