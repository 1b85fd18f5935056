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

/**
 * Runs a command until it has ended and nobody can write its output any more. Kills it and what it has started after
 * `timeoutMs`, or when the signal aborts, and then waits for no output.
 */
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
  const pipes = [child.stdout, child.stderr];
  const closed = new Promise<number>((resolve, reject) => {
    for (const source of [child, ...pipes]) source.once("error", reject);
    child.once("close", (code) => resolve(code ?? 137));
  });
  const texts = pipes.map(collect);
  const timeout = AbortSignal.timeout(timeoutMs);
  const either = AbortSignal.any([timeout, signal]);
  const killTree = (): void => {
    try {
      endTree(child.pid);
    } catch {
      // Failing to read the table leaves what the process has started to its sandbox, with which it ends.
      child.kill("SIGKILL");
    }
    // What was started and has left the tree may hold them open for ever.
    for (const pipe of pipes) pipe.destroy();
  };
  either.addEventListener("abort", killTree, { once: true });
  try {
    const exitCode = await closed;
    signal.throwIfAborted();
    const output = texts.map((text) => text()).join("");
    return { outcome: timeout.aborted ? "timedOut" : "exited", exitCode, output: output.slice(0, outputLimit) };
  } finally {
    either.removeEventListener("abort", killTree);
  }
}

/** The first process reaps the one that it has put into the sandbox, and ends with it: an orphan would hold the sandbox up. */
function endTree(pid: number | undefined): void {
  if (pid === undefined) return;
  const [root, ...below] = processTree(readProcesses(), pid);
  const members = root === undefined || below.length > 0 ? below : [root];
  for (const member of members.toReversed()) {
    try {
      process.kill(member, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

function collect(stream: Readable): () => string {
  let text = "";
  stream.setEncoding("utf8").on("data", (chunk: string) => {
    if (text.length < outputLimit) text += chunk;
  });
  return () => text;
}
