import { spawn } from "node:child_process";
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
    const child = spawn("git", [...args], { env: this.env, stdio: "pipe", signal: options.signal });
    // A program that ends without reading its input tells why by its exit code.
    child.stdin.on("error", () => {});
    child.stdin.end(options.input ?? "");
    const stdout: Buffer[] = [];
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new GitFailed(commandOf(args), code, stderr);
    return Buffer.concat(stdout);
  }

  async text(args: readonly string[], options: { signal: AbortSignal; input?: string | Buffer }): Promise<string> {
    return (await this.output(args, options)).toString("utf8");
  }
}

/** The command among the arguments, behind Git's own options such as `-C folder`. */
function commandOf(args: readonly string[]): string {
  const start = args[0] === "-C" ? 2 : 0;
  return args[start] ?? "";
}
