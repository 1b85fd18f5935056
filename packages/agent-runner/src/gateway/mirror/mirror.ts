import { access, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RunInputs } from "@orchestrator/core/pure";
import { type Git, GitFailed } from "../git/git.ts";
import { gitWords, remoteFailure } from "../git/remote-failure.ts";
import { RunFailure } from "../run-failure.ts";
import { branchVariable, preReceiveHook } from "./pre-receive-hook.ts";

/** Not shown to those who clone from the mirror. */
const baseRef = "refs/orchestrator/base";

/** Every change, whatever the repository's own settings would hide. */
const wholeDiff = ["--no-renames", "--ignore-submodules=none"];

/** One file that differs between two commits. */
export interface FileChange {
  path: string;
  /** `deleted` files have size 0. */
  kind: "added" | "modified" | "deleted";
  /** Git's file mode, such as `100644`. */
  mode: string;
  bytes: number;
}

export interface MirrorOptions {
  /** Folder of the gateway alone; a mirror that is there already is used as it is. */
  directory: string;
  inputs: Pick<RunInputs, "repository" | "branch">;
  git: Git;
}

/**
 * The gateway's copy of the run's repository: the branch that the work starts from, and the run's own branch. The
 * agent's containers clone from it and push to it; what is pushed goes upstream from here.
 */
export class Mirror {
  readonly path: string;
  readonly #directory: string;
  readonly #inputs: MirrorOptions["inputs"];
  readonly #git: Git;

  constructor(options: MirrorOptions) {
    this.#directory = options.directory;
    this.path = join(options.directory, "repository.git");
    this.#inputs = options.inputs;
    this.#git = options.git;
  }

  /**
   * Makes the mirror, and checks that the run's branch may be pushed, before an agent is paid for work that could not
   * be delivered. Resolves to the commit that the work starts from.
   *
   * @throws RunFailure BranchNotFound, RepositoryAuthFailed or RepositoryUnreachable
   */
  async prepare(signal: AbortSignal): Promise<string> {
    if (!(await exists(this.path))) {
      const unfinished = `${this.path}.new`;
      await rm(unfinished, { recursive: true, force: true });
      await this.#clone(unfinished, signal);
      await this.#configure(unfinished, signal);
      await rename(unfinished, this.path);
    }
    return await this.baseCommit(signal);
  }

  async baseCommit(signal: AbortSignal): Promise<string> {
    return (await this.#local(["rev-parse", "--verify", baseRef], signal)).trim();
  }

  /** Newest commit on the run's branch; undefined while nothing was pushed. */
  async branchCommit(signal: AbortSignal): Promise<string | undefined> {
    const ref = `refs/heads/${this.#inputs.branch}`;
    const text = await this.#local(["for-each-ref", "--format=%(objectname)", ref], signal);
    return text.trim() === "" ? undefined : text.trim();
  }

  /** Files that differ between two commits, sorted by Git. A renamed file is one deleted and one added. */
  async changes(from: string, to: string, signal: AbortSignal): Promise<FileChange[]> {
    const raw = await this.#local(["diff", "--raw", "--no-abbrev", ...wholeDiff, "-z", from, to], signal);
    const parts = raw.split("\0").filter((part) => part !== "");
    const changes: (Omit<FileChange, "bytes"> & { blob: string })[] = [];
    for (let index = 0; index + 1 < parts.length; index += 2) {
      const [, mode = "", , blob = "", letter = ""] = (parts[index] ?? "").split(" ");
      const kind = letter === "A" ? "added" : letter === "D" ? "deleted" : "modified";
      changes.push({ path: parts[index + 1] ?? "", kind, mode, blob });
    }
    const sizes = await this.#sizes(
      changes.map(({ blob }) => blob),
      signal,
    );
    return changes.map(({ blob, ...change }) => ({ ...change, bytes: sizes.get(blob) ?? 0 }));
  }

  /** Whether `commit` is `ancestor` or comes after it. */
  async descends(commit: string, ancestor: string, signal: AbortSignal): Promise<boolean> {
    const text = await this.#local(["rev-list", "--count", `${commit}..${ancestor}`], signal);
    return text.trim() === "0";
  }

  /** Commits that `to` has and `from` has not, oldest first. */
  async commitsBetween(from: string, to: string, signal: AbortSignal): Promise<string[]> {
    const text = await this.#local(["rev-list", "--reverse", `${from}..${to}`], signal);
    return text.split("\n").filter((line) => line !== "");
  }

  /** What `commit` was made from: its first parent, or the empty tree where its history begins with it. */
  async origin(commit: string, signal: AbortSignal): Promise<string> {
    const [, parent] = (await this.#local(["rev-list", "--parents", "--max-count=1", commit], signal))
      .trim()
      .split(" ");
    return parent ?? (await this.#local(["hash-object", "-t", "tree", "--stdin"], signal)).trim();
  }

  /** What `commit` changes against its origin: lines without context, files in the order of `changes`. */
  async patch(commit: string, signal: AbortSignal): Promise<string> {
    // What Git takes for binary, by a NUL in it or by the repository's own attributes, would be left out without --text.
    const shown = ["--unified=0", "--text", "--no-ext-diff", "--no-textconv", ...wholeDiff];
    return await this.#local(["diff", ...shown, await this.origin(commit, signal), commit], signal);
  }

  /** Contents of those of `paths` that are files of `commit`. */
  async readFiles(commit: string, paths: readonly string[], signal: AbortSignal): Promise<Map<string, Buffer>> {
    const input = paths.map((path) => `${commit}:${path}\n`).join("");
    const output = await this.#git.output(["-C", this.path, "cat-file", "--batch"], { signal, input });
    return new Map(batchContents(output).flatMap((content, index) => fileEntry(paths[index], content)));
  }

  /**
   * Pushes `commit` upstream as the run's branch, never by force. Pushing again what is there already is no error. The
   * branch itself may have moved on since `commit` was judged: the agent can push at any time.
   *
   * @throws RunFailure PushRejected, RepositoryAuthFailed or RepositoryUnreachable
   */
  async pushUpstream(commit: string, signal: AbortSignal): Promise<void> {
    const target = `refs/heads/${this.#inputs.branch}`;
    await this.#push(this.path, ["--", this.#inputs.repository.url, `${commit}:${target}`], signal);
  }

  async #clone(target: string, signal: AbortSignal): Promise<void> {
    const { url, branch } = this.#inputs.repository;
    const runRef = `refs/heads/${this.#inputs.branch}`;
    const heads = await this.#remote(["ls-remote", "--", url, `refs/heads/${branch}`, runRef], signal);
    if (!heads.includes(`\trefs/heads/${branch}\n`)) {
      throw remoteFailure(new GitFailed("ls-remote", 0, "couldn't find remote ref"), this.#request());
    }
    const goesOn = heads.includes(`\t${runRef}\n`);
    // Work that goes on needs the history that tells where it left the branch it started from.
    const depth = goesOn ? [] : ["--depth", "1"];
    const options = ["--quiet", "--bare", "--single-branch", "--no-tags", ...depth, "--branch", branch];
    await this.#remote(["clone", ...options, "--", url, target], signal);
    const base = `refs/heads/${branch}`;
    if (goesOn) await this.#remote(["-C", target, "fetch", "--quiet", "--", url, `${runRef}:${runRef}`], signal);
    const range = goesOn ? ["merge-base", base, runRef] : ["rev-parse", base];
    const commit = (await this.#git.text(["-C", target, ...range], { signal })).trim();
    await this.#git.text(["-C", target, "update-ref", baseRef, commit], { signal });
    await this.#push(target, ["--dry-run", "--", url, `${goesOn ? runRef : base}:${runRef}`], signal);
  }

  async #configure(target: string, signal: AbortSignal): Promise<void> {
    const hooks = join(this.#directory, "hooks");
    await mkdir(hooks, { recursive: true });
    await writeFile(join(hooks, "pre-receive"), preReceiveHook, { mode: 0o755 });
    const settings = {
      "http.receivepack": "true",
      "receive.denyNonFastForwards": "true",
      "receive.denyDeletes": "true",
      "receive.autogc": "false",
      "transfer.hideRefs": "refs/orchestrator",
      "core.hooksPath": hooks,
    };
    for (const [name, value] of Object.entries(settings)) {
      await this.#git.text(["-C", target, "config", name, value], { signal });
    }
  }

  async #push(from: string, args: readonly string[], signal: AbortSignal): Promise<void> {
    try {
      await this.#git.text(["-C", from, "push", "--quiet", ...args], { signal });
    } catch (error) {
      throw error instanceof GitFailed ? this.#pushFailure(error) : error;
    }
  }

  #pushFailure(error: GitFailed): RunFailure {
    const { repository, branch } = this.#inputs;
    if (/\[rejected\]/.test(error.stderr)) {
      const text = `branch ${branch} in ${repository.url} holds commits that are not from this run, and is not overwritten: merge or remove them, then apply the run again under a new name`;
      return new RunFailure("PushRejected", text, { cause: error });
    }
    if (/\[remote rejected\]/.test(error.stderr)) {
      const text = `${repository.url} refused the push of branch ${branch}: ${gitWords(error.stderr)}`;
      return new RunFailure("PushRejected", text, { cause: error });
    }
    return remoteFailure(error, this.#request());
  }

  async #sizes(blobs: readonly string[], signal: AbortSignal): Promise<Map<string, number>> {
    const input = blobs.map((blob) => `${blob}\n`).join("");
    const args = ["-C", this.path, "cat-file", "--batch-check=%(objectname) %(objectsize)"];
    const text = await this.#git.text(args, { signal, input });
    // A submodule's commit is not here, and has no size.
    return new Map(
      text.split("\n").map((line) => [line.split(" ")[0] ?? "", Number(line.split(" ")[1]) || 0] as const),
    );
  }

  async #local(args: readonly string[], signal: AbortSignal): Promise<string> {
    return await this.#git.text(["-C", this.path, ...args], { signal });
  }

  async #remote(args: readonly string[], signal: AbortSignal): Promise<string> {
    try {
      return await this.#git.text(args, { signal });
    } catch (error) {
      throw error instanceof GitFailed ? remoteFailure(error, this.#request()) : error;
    }
  }

  #request(): Parameters<typeof remoteFailure>[1] {
    const { url, branch, secretName } = this.#inputs.repository;
    return { url, branch, secretName };
  }
}

/** Environment of the programs that serve the mirror. */
export function mirrorServerEnvironment(branch: string, path: string): Record<string, string> {
  return {
    PATH: path,
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    [branchVariable]: branch,
  };
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

/** Splits what `cat-file --batch` wrote: a content for each line of its input, undefined where there is no file. */
function batchContents(output: Buffer): (Buffer | undefined)[] {
  const contents: (Buffer | undefined)[] = [];
  for (let position = 0; position < output.length; ) {
    const end = output.indexOf("\n", position);
    const head = output.subarray(position, end).toString("utf8");
    const [, kind, size] = /^[0-9a-f]{40,64} (\w+) (\d+)$/.exec(head) ?? [];
    const length = Number(size ?? 0);
    contents.push(kind === "blob" ? output.subarray(end + 1, end + 1 + length) : undefined);
    position = end + 1 + (kind === undefined ? 0 : length + 1);
  }
  return contents;
}

function fileEntry(path: string | undefined, content: Buffer | undefined): [string, Buffer][] {
  return path === undefined || content === undefined ? [] : [[path, content]];
}
