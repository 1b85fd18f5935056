import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Environment variable by which the forge makes the pre-receive hook refuse a push, with its text. */
export const refusePushVariable = "FORGE_REFUSE_PUSH";
/** Environment variable by which it refuses refs whose names begin so. */
export const refuseRefsVariable = "FORGE_REFUSE_REFS";

const preReceive = `#!/bin/sh
if [ -n "\${${refusePushVariable}:-}" ]; then
  echo "\$${refusePushVariable}" >&2
  exit 1
fi
if [ -n "\${${refuseRefsVariable}:-}" ]; then
  while read -r old new ref; do
    case "$ref" in "\$${refuseRefsVariable}"*)
      echo "deny updating a hidden ref" >&2
      exit 1
      ;;
    esac
  done
fi
`;

const initialCommitter = "Local Forge <forge@localhost>";

/** One changed file of a comparison of two branches. */
export interface FileChange {
  path: string;
  status: "added" | "modified" | "removed";
  additions: number;
  deletions: number;
  blob: string;
}

export interface CommitInfo {
  sha: string;
  tree: string;
  parents: string[];
  authorName: string;
  authorEmail: string;
  date: string;
  message: string;
}

/** A bare repository on disk, asked by the git program. */
export class BareRepository {
  readonly path: string;
  readonly #env: Readonly<Record<string, string | undefined>>;

  /** `env` is the program's environment. */
  constructor(path: string, env: Readonly<Record<string, string | undefined>>) {
    this.path = path;
    this.#env = env;
  }

  /**
   * Makes the repository with one commit of `files` (path to content) on `main`. Nothing is seen at its path before
   * it is complete; an existing one is left as it is.
   */
  async create(files: Readonly<Record<string, string>>): Promise<void> {
    if (await exists(this.path)) return;
    const unfinished = `${this.path}.unfinished`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(dirname(unfinished), { recursive: true });
    const options = { env: this.#env };
    await run("git", ["init", "--quiet", "--bare", "--initial-branch=main", unfinished], options);
    await run("git", ["-C", unfinished, "config", "http.receivepack", "true"], options);
    await writeFile(join(unfinished, "hooks", "pre-receive"), preReceive, { mode: 0o755 });
    await importFiles(unfinished, files, options);
    await rename(unfinished, this.path);
  }

  /** Commit of a branch; undefined when there is no such branch. */
  async branchCommit(branch: string): Promise<string | undefined> {
    const found = await this.branches();
    return found.find(({ name }) => name === branch)?.sha;
  }

  async branches(): Promise<{ name: string; sha: string }[]> {
    const text = await this.#git("for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads");
    return lines(text).map((line) => ({ sha: line.slice(0, 40), name: line.slice(41) }));
  }

  async commit(sha: string): Promise<CommitInfo> {
    const text = await this.#git("show", "--no-patch", "--format=%T%n%P%n%an%n%ae%n%aI%n%B", sha);
    const [tree = "", parents = "", authorName = "", authorEmail = "", date = "", ...message] = text.split("\n");
    return {
      sha,
      tree,
      parents: parents.split(" ").filter((parent) => parent !== ""),
      authorName,
      authorEmail,
      date,
      message: message.join("\n").trim(),
    };
  }

  /** How many commits `head` has that `base` has not. */
  async commitsBetween(base: string, head: string): Promise<number> {
    return Number((await this.#git("rev-list", "--count", `${base}..${head}`)).trim());
  }

  /** What merging `head` into `base` would change, as a unified diff. */
  async diff(base: string, head: string): Promise<string> {
    return await this.#git("diff", `${base}...${head}`);
  }

  async changes(base: string, head: string): Promise<FileChange[]> {
    const range = `${base}...${head}`;
    const counts = lines(await this.#git("diff", "--no-renames", "--numstat", "-z", range), "\0");
    const raw = lines(await this.#git("diff", "--no-renames", "--raw", "--no-abbrev", "-z", range), "\0");
    return counts.map((line, index) => fileChange(line, raw[index * 2] ?? ""));
  }

  async #git(...args: string[]): Promise<string> {
    const { stdout } = await run("git", ["-C", this.path, "-c", "core.quotePath=false", ...args], {
      env: this.#env,
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout;
  }
}

const statuses: Readonly<Record<string, FileChange["status"]>> = { A: "added", D: "removed" };

/** From one line of `--numstat` and the one of `--raw` that belongs to it. */
function fileChange(numstat: string, raw: string): FileChange {
  const [additions = "0", deletions = "0", path = ""] = numstat.split("\t");
  const [, , before = "", after = "", letter = ""] = raw.split(" ");
  return {
    path,
    status: statuses[letter] ?? "modified",
    // A binary file has dashes for its counts.
    additions: Number(additions) || 0,
    deletions: Number(deletions) || 0,
    blob: letter === "D" ? before : after,
  };
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

function lines(text: string, separator = "\n"): string[] {
  return text.split(separator).filter((line) => line !== "");
}

async function importFiles(
  directory: string,
  files: Readonly<Record<string, string>>,
  { env }: { env: Readonly<Record<string, string | undefined>> },
): Promise<void> {
  const child = spawn("git", ["-C", directory, "fast-import", "--quiet"], {
    env,
    stdio: ["pipe", "ignore", "inherit"],
  });
  const message = "Begin";
  child.stdin.write(`commit refs/heads/main\ncommitter ${initialCommitter} 1767225600 +0000\n`);
  child.stdin.write(`data ${Buffer.byteLength(message)}\n${message}\n`);
  for (const [path, content] of Object.entries(files)) {
    child.stdin.write(`M 100644 inline ${JSON.stringify(path)}\ndata ${Buffer.byteLength(content)}\n${content}\n`);
  }
  child.stdin.end("done\n");
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`git fast-import ended with ${code} for ${directory}`);
}
