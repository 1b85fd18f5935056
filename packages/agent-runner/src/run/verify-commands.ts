import { secretKind } from "../gateway/judge/find-secrets.ts";
import { cutBytes } from "../steps/cut-bytes.ts";
import { runProcess } from "./run-process.ts";

/** A command of `spec.verify` that did not end with 0. */
export interface FailedCommand {
  command: string;
  /** `exit code 1`, `signal SIGKILL` */
  how: string;
  /** The end of what it wrote to stdout and stderr. */
  output: string;
  /** What its output looks like it holds, such as `a GitHub token`. */
  secret?: string | undefined;
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
    let secret: string | undefined;
    const { exitCode, signal } = await runProcess({
      // Both streams in one, in the order in which they were written.
      command: "/bin/sh",
      args: ["-c", `exec 2>&1\n${command}`],
      env: options.env,
      directory: options.directory,
      stdinFile: "/dev/null",
      signal: options.signal,
      onLine: (line) => {
        secret ??= secretKind(line, []);
        output = `${output}${line}\n`.slice(-outputLimit);
      },
    });
    if (exitCode === 0) continue;
    const how = signal === null ? `exit code ${exitCode}` : `signal ${signal}`;
    return { command, how, output: output.trimEnd(), secret };
  }
  return undefined;
}

function describeFailure({ command, how, output }: FailedCommand): string {
  return `The command \`${command}\` of spec.verify ended with ${how}${output === "" ? "" : `:\n${output}`}`;
}

const shownCommand = 120;
const shownOutput = 400;

/** The same for the run's status: short, with the end of the output, where the error stands, and without a credential. */
export function tellFailure(failure: FailedCommand): string {
  const { command, how, output, secret = secretKind(command, []) } = failure;
  if (secret !== undefined) {
    return `A command of spec.verify ended with ${how}; it is not told further, because it looks like it holds ${secret}`;
  }
  const end = output.length > shownOutput ? `…${output.slice(-shownOutput)}` : output;
  return describeFailure({ command: cutBytes(command, shownCommand), how, output: end });
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
