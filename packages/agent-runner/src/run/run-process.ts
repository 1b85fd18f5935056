import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

export interface ProcessOptions {
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  directory: string;
  /** File that the program reads as its stdin. */
  stdinFile: string;
  /** Ends the program: SIGTERM to its whole group, and SIGKILL to what is left after `graceMs`. */
  signal: AbortSignal;
  /** Milliseconds from SIGTERM to SIGKILL, by the signal's reason. Default: 10,000. */
  graceMs?: (reason: unknown) => number;
  onLine: (line: string) => void;
  /** Told of every piece of output, on stdout and stderr. */
  onOutput?: () => void;
}

export interface ProcessEnd {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** The last 2,000 characters of stderr. */
  stderr: string;
}

const stderrLimit = 2000;
/** A child that outlives its program may hold its stdout open. */
const drainMs = 2000;

/**
 * Runs a program in a process group of its own until it has ended and its output is read. Nothing of its group is
 * left behind.
 *
 * @throws the spawn error, with `code` ENOENT or EACCES, where it cannot be started
 */
export async function runProcess(options: ProcessOptions): Promise<ProcessEnd> {
  const input = await open(options.stdinFile, "r");
  try {
    const child = spawn(options.command, options.args, {
      cwd: options.directory,
      env: options.env,
      stdio: [input.fd, "pipe", "pipe"],
      detached: true,
    });
    await once(child, "spawn");
    return await superviseProcess(child as ChildProcess & { stdout: Readable; stderr: Readable }, options);
  } finally {
    await input.close();
  }
}

async function superviseProcess(
  child: ChildProcess & { stdout: Readable; stderr: Readable },
  { signal, graceMs = () => 10_000, onLine, onOutput = () => {} }: ProcessOptions,
): Promise<ProcessEnd> {
  const closed = once(child, "close");
  createInterface({ input: child.stdout, crlfDelay: Infinity }).on("line", onLine);
  child.stdout.on("data", onOutput);
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    onOutput();
    stderr = (stderr + text).slice(-stderrLimit);
  });
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    signalGroup(child, "SIGTERM");
    timer = setTimeout(() => signalGroup(child, "SIGKILL"), graceMs(signal.reason));
  };
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    const [exitCode, endSignal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    signalGroup(child, "SIGKILL");
    await drained(child, closed);
    return { exitCode, signal: endSignal, stderr };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

async function drained(child: { stdout: Readable; stderr: Readable }, closed: Promise<unknown>): Promise<void> {
  const timer = setTimeout(() => {
    child.stdout.destroy();
    child.stderr.destroy();
  }, drainMs);
  try {
    await closed;
  } finally {
    clearTimeout(timer);
  }
}

function signalGroup(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, name);
  } catch (error) {
    // The whole group has ended.
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
