import { runProcess } from "./run-process.ts";

/** A command of `spec.verify` that did not end with 0. */
export interface FailedCommand {
  command: string;
  /** `exit code 1`, `signal SIGKILL` */
  how: string;
  /** The end of what it wrote to stdout and stderr. */
  output: string;
}

export interface VerifyCommandsOptions {
  commands: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  directory: string;
  /** Ends the command under way. */
  signal: AbortSignal;
}

const outputLimit = 1000;

/** Runs the commands one after another, each by the shell. Resolves to the first that fails. */
export async function runCommands(options: VerifyCommandsOptions): Promise<FailedCommand | undefined> {
  for (const command of options.commands) {
    let output = "";
    const { exitCode, signal } = await runProcess({
      // Both streams in one, in the order in which they were written.
      command: "/bin/sh",
      args: ["-c", `exec 2>&1\n${command}`],
      env: options.env,
      directory: options.directory,
      stdinFile: "/dev/null",
      signal: options.signal,
      onLine: (line) => {
        output = `${output}${line}\n`.slice(-outputLimit);
      },
    });
    if (exitCode === 0) continue;
    return { command, how: signal === null ? `exit code ${exitCode}` : `signal ${signal}`, output: output.trimEnd() };
  }
  return undefined;
}

export function describeFailure({ command, how, output }: FailedCommand): string {
  return `The command \`${command}\` of spec.verify ended with ${how}${output === "" ? "" : `:\n${output}`}`;
}

/** What the session is told that left the work in this state. */
export function mendPrompt(failure: FailedCommand): string {
  return [
    "# Verification failed",
    describeFailure(failure),
    "Mend the work so that the command succeeds. Do not weaken what it checks.",
    "",
  ].join("\n\n");
}
