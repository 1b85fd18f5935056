import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";

/** A git program that did not end well. `stderr` may name addresses, never credentials: none are in Git's arguments. */
export class GitFailed extends Error {
  override readonly name = "GitFailed";
  /** The git command, such as `push`. */
  readonly command: string;
  readonly exitCode: number | null;
  readonly stderr: string;

  constructor(command: string, exitCode: number | null, stderr: string) {
    super("git failed");
    this.command = command;
    this.exitCode = exitCode;
    this.stderr = stderr;
  }
}

export interface GitOptions {
  /** Environment of every git program, whole: nothing is inherited. */
  env: Readonly<Record<string, string | undefined>>;
}

/** Runs git programs, one after another or many at once, each in an environment made for it. */
export class Git {
  readonly env: Readonly<Record<string, string | undefined>>;

  constructor(options: GitOptions) {
    this.env = options.env;
  }

  /**
   * What `git ...args` writes to stdout.
   * @throws GitFailed when it ends with another code than 0
   */
  async output(args: readonly string[], options: { signal: AbortSignal; input?: string | Buffer }): Promise<Buffer> {
    const { signal } = options;
    const child = spawn("git", [...args], { env: this.env, stdio: "pipe", detached: true, signal });
    // Git's own helpers would wait for a silent forge, and keep the gateway from ending.
    const stop = (): void => endGroup(child.pid);
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await outputOf(child, commandOf(args), options.input);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  async text(args: readonly string[], options: { signal: AbortSignal; input?: string | Buffer }): Promise<string> {
    return (await this.output(args, options)).toString("utf8");
  }
}

async function outputOf(
  child: ChildProcessWithoutNullStreams,
  command: string,
  input: string | Buffer = "",
): Promise<Buffer> {
  // A program that ends without reading its input tells why by its exit code.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const stdout: Buffer[] = [];
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new GitFailed(command, code, stderr);
  return Buffer.concat(stdout);
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGTERM");
  } catch (error) {
    // The whole group has ended.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The command among the arguments, behind Git's own options such as `-C folder`. */
function commandOf(args: readonly string[]): string {
  const start = args[0] === "-C" ? 2 : 0;
  return args[start] ?? "";
}
