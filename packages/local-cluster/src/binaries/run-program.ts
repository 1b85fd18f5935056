import { execFile } from "node:child_process";

export interface ProgramResult {
  /** Exit code, or what kept the program from running (`ENOENT`, a signal's name). */
  code: number | string;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end and tells how it ended; only an abort throws. */
export function runProgram(
  command: string,
  args: string[],
  options: { signal: AbortSignal; env: Record<string, string | undefined>; cwd?: string },
): Promise<ProgramResult> {
  const { signal, env, cwd } = options;
  return new Promise((resolve, reject) => {
    execFile(command, args, { signal, env, cwd, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (signal.aborted) return reject(signal.reason as Error);
      resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? error.message), stdout, stderr });
    });
  });
}
