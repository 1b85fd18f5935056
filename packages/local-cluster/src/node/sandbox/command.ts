import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { processTree, readProcesses } from "./process-table.ts";

/** How a command within a sandbox ended. */
export interface CommandResult {
  /** `timedOut`: it was ended after `timeoutMs`. */
  outcome: "exited" | "timedOut";
  exitCode: number;
  /** What it wrote, at most 10,240 bytes. */
  output: string;
}

const outputLimit = 10_240;

/** Runs a command to its end; kills it and what it has started after `timeoutMs`, or when the signal aborts. */
export async function runCommand(options: {
  program: string;
  args: string[];
  environment: Record<string, string>;
  timeoutMs: number;
  signal: AbortSignal;
}): Promise<CommandResult> {
  const { program, args, environment, timeoutMs, signal } = options;
  signal.throwIfAborted();
  const child = spawn(program, args, { cwd: "/", env: environment, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const output = Promise.all([take(child.stdout), take(child.stderr)]);
  const exit = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 137));
  });
  const timeout = AbortSignal.timeout(timeoutMs);
  const either = AbortSignal.any([timeout, signal]);
  const killTree = (): void => {
    // Failing to read the table leaves the process to its sandbox, with which it ends.
    void endTree(child.pid).catch(() => child.kill("SIGKILL"));
  };
  either.addEventListener("abort", killTree, { once: true });
  try {
    const exitCode = await exit;
    signal.throwIfAborted();
    const text = (await output).join("");
    return { outcome: timeout.aborted ? "timedOut" : "exited", exitCode, output: text.slice(0, outputLimit) };
  } finally {
    either.removeEventListener("abort", killTree);
  }
}

async function endTree(pid: number | undefined): Promise<void> {
  if (pid === undefined) return;
  for (const member of processTree(await readProcesses(), pid).toReversed()) {
    try {
      process.kill(member, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

async function take(stream: Readable): Promise<string> {
  let text = "";
  stream.setEncoding("utf8");
  for await (const chunk of stream) if (text.length < outputLimit) text += String(chunk);
  return text;
}
