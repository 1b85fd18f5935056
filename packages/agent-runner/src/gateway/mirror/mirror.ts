import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RunInputs } from "@orchestrator/core/pure";
import { type Git, GitFailed } from "../git/git.ts";
import { gatewayIdentity, roundTrailer, runTrailer, workInProgress, workRef } from "../../steps/git-names.ts";
import { staysInWorkspace, upstreamName } from "../../steps/upstream.ts";
import { gitWords, remoteFailure } from "../git/remote-failure.ts";
import { RunFailure } from "../../steps/run-failure.ts";
import { branchVariable, preReceiveHook } from "./pre-receive-hook.ts";
import { exists } from "../../steps/optional-file.ts";

/** Not shown to those who clone from the mirror: where the work began, where its branch stood, and what is kept of it. */
const baseRef = "refs/orchestrator/base";
const startRef = "refs/orchestrator/start";
const keptRef = "refs/orchestrator/kept";
/** What will be kept next. */
const nextRef = "refs/orchestrator/next";

/** A commit, with what its trailers say of who made it. */
export interface CommitOrigin {
  commit: string;
  runUid: string | undefined;
  round: number;
}

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
  inputs: Pick<RunInputs, "repository" | "workspace" | "branch" | "uid">;
  git: Git;
  /** Repository that keeps unfinished work. Default: the run's own. */
  keptUrl?: string | undefined;
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
  readonly #keptUrl: string;

  constructor(options: MirrorOptions) {
    this.#directory = options.directory;
    this.path = join(options.directory, "repository.git");
    this.#inputs = options.inputs;
    this.#git = options.git;
    this.#keptUrl = options.keptUrl ?? options.inputs.repository.url;
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
    return await this.#commitOf(`refs/heads/${this.#inputs.branch}`, signal);
  }

  /** Where the run's branch stood when the attempt began; undefined where there was none. */
  async startCommit(signal: AbortSignal): Promise<string | undefined> {
    return await this.#commitOf(startRef, signal);
  }

  /** The unfinished work that was pushed, or kept by an earlier attempt. */
  async workCommit(signal: AbortSignal): Promise<string | undefined> {
    return await this.#commitOf(workRef, signal);
  }

  /** The commit that keeps the unfinished work in the repository; its parent is the work. */
  async keptCommit(signal: AbortSignal): Promise<string | undefined> {
    return await this.#commitOf(keptRef, signal);
  }

  /** The ref of the repository that keeps unfinished work. */
  get upstreamKeptRef(): string {
    return `refs/orchestrator/${this.#inputs.uid}`;
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

  /** Who made the commits that `to` has and `from` has not, newest first. */
  async origins(from: string, to: string, signal: AbortSignal): Promise<CommitOrigin[]> {
    const trailer = (key: string): string => `%(trailers:key=${key},valueonly,separator=%x2C)`;
    const format = `--format=%H%x09${trailer(runTrailer)}%x09${trailer(roundTrailer)}`;
    const text = await this.#local(["log", format, `${from}..${to}`], signal);
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [commit = "", runUid = "", round = ""] = line.split("\t");
        return { commit, runUid: runUid === "" ? undefined : runUid, round: Number(round) || 1 };
      });
  }

  /** Title and body of a commit's message, without its trailers. */
  async message(commit: string, signal: AbortSignal): Promise<{ title: string; body: string }> {
    const read = async (format: string): Promise<string> =>
      (await this.#local(["show", "--no-patch", `--format=${format}`, commit], signal)).trim();
    const trailers = await read("%(trailers)");
    const body = (await read("%b")).slice(0, -trailers.length || undefined).trimEnd();
    return { title: await read("%s"), body: `${body}\n` };
  }

  /** What `commit` was made from: its parents, or the empty tree where its history begins with it. */
  async parents(commit: string, signal: AbortSignal): Promise<string[]> {
    const [, ...parents] = (await this.#local(["rev-list", "--parents", "--max-count=1", commit], signal))
      .trim()
      .split(" ");
    return parents.length > 0
      ? parents
      : [(await this.#local(["hash-object", "-t", "tree", "--stdin"], signal)).trim()];
  }

  /** What `to` changes against `from`: lines without context, files in the order of `changes`. */
  async patch(from: string, to: string, signal: AbortSignal): Promise<string> {
    // What Git takes for binary, by a NUL in it or by the repository's own attributes, would be left out without --text.
    const shown = ["--unified=0", "--text", "--no-ext-diff", "--no-textconv", ...wholeDiff];
    return await this.#local(["diff", ...shown, from, to], signal);
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

  /**
   * Moves the branch that the work started from on to `commit`, never by force.
   *
   * @throws RunFailure as `pushUpstream`
   */
  async advanceBase(commit: string, signal: AbortSignal): Promise<void> {
    const { url, branch } = this.#inputs.repository;
    await this.#push(this.path, ["--", url, `${commit}:refs/heads/${branch}`], signal);
  }

  /** Makes a commit on top of `parent` that holds `files` alone, path to content. */
  async commitFiles(
    files: Readonly<Record<string, Buffer | string>>,
    parent: string,
    signal: AbortSignal,
  ): Promise<string> {
    const data = (content: Buffer | string): Buffer =>
      Buffer.concat([Buffer.from(`data ${Buffer.byteLength(content)}\n`), Buffer.from(content), Buffer.from("\n")]);
    const input = Buffer.concat([
      Buffer.from(`reset ${nextRef}\n\ncommit ${nextRef}\ncommitter ${gatewayIdentity} now\n`),
      data(workInProgress),
      Buffer.from(`from ${parent}\ndeleteall\n`),
      ...Object.entries(files).map(([path, content]) =>
        Buffer.concat([Buffer.from(`M 100644 inline ${path}\n`), data(content)]),
      ),
    ]);
    await this.#local(["fast-import", "--quiet", "--force", "--date-format=now"], signal, input);
    return (await this.#local(["rev-parse", "--verify", nextRef], signal)).trim();
  }

  /**
   * Keeps `commit` upstream, in place of what this run has kept there, or takes that away.
   *
   * @throws GitFailed where the repository does not take it, or holds something else there by now
   */
  async keepUpstream(commit: string | undefined, signal: AbortSignal): Promise<void> {
    const known = await this.keptCommit(signal);
    try {
      await this.#pushKept(commit, known, signal);
    } catch (error) {
      if (!(error instanceof GitFailed)) throw error;
      // The push may have been taken and its answer lost: this time, or an earlier time, which was never noted.
      const found = await this.#keptUpstream(signal);
      if (found !== commit) {
        if (found === undefined || found === known || !(await this.#holds(found, signal))) throw error;
        await this.#pushKept(commit, found, signal);
      }
    }
    await this.#local(["update-ref", ...(commit === undefined ? ["-d", keptRef] : [keptRef, commit])], signal);
  }

  async #pushKept(commit: string | undefined, lease: string | undefined, signal: AbortSignal): Promise<void> {
    const ref = this.upstreamKeptRef;
    const force = `--force-with-lease=${ref}:${lease ?? ""}`;
    await this.#local(["push", "--quiet", force, "--", this.#keptUrl, `${commit ?? ""}:${ref}`], signal);
  }

  async #keptUpstream(signal: AbortSignal): Promise<string | undefined> {
    const ref = this.upstreamKeptRef;
    const listed = await this.#local(["ls-remote", "--", this.#keptUrl, ref], signal);
    return listed
      .split("\n")
      .find((line) => line.endsWith(`\t${ref}`))
      ?.split("\t")[0];
  }

  /** Whether `commit` is here. What another attempt keeps meanwhile is made in a mirror of its own, and never comes here. */
  async #holds(commit: string, signal: AbortSignal): Promise<boolean> {
    const found = await this.#local(["cat-file", "--batch-check=%(objecttype)"], signal, `${commit}\n`);
    return found.trim() === "commit";
  }

  async #clone(target: string, signal: AbortSignal): Promise<void> {
    const { url, branch } = this.#inputs.repository;
    const [base, run] = [`refs/heads/${branch}`, `refs/heads/${this.#inputs.branch}`];
    const known = await this.#known({ base, run, kept: this.upstreamKeptRef }, signal);
    // Work that goes on needs the history that tells where it left the branch it started from, and so does work that is to be
    // kept in another repository.
    const depth = known.run || known.kept || this.#keptUrl !== url ? [] : ["--depth", "1"];
    const options = ["--quiet", "--bare", "--single-branch", "--no-tags", ...depth, "--branch", branch];
    await this.#remote(["clone", ...options, "--", url, target], signal);
    const fetch = ["-C", target, "fetch", "--quiet", "--"];
    if (known.run) await this.#remote([...fetch, url, `${run}:${run}`], signal);
    if (known.kept) await this.#remote([...fetch, this.#keptUrl, `${this.upstreamKeptRef}:${keptRef}`], signal);
    await this.#markBeginnings(target, { base, ...(known.run && { run }), hasKept: known.kept }, signal);
    await this.#push(target, ["--dry-run", "--", url, `${known.run ? run : base}:${run}`], signal);
  }

  /**
   * Which refs there are, the kept one where it is kept.
   * @throws RunFailure BranchNotFound without the branch that the work starts from
   */
  async #known(
    { base, run, kept }: { base: string; run: string; kept: string },
    signal: AbortSignal,
  ): Promise<{ run: boolean; kept: boolean }> {
    const { url } = this.#inputs.repository;
    const list = async (from: string, ...refs: string[]) =>
      await this.#remote(["ls-remote", "--", from, ...refs], signal);
    const listed =
      this.#keptUrl === url
        ? await list(url, base, run, kept)
        : (await list(url, base, run)) + (await list(this.#keptUrl, kept));
    const has = (ref: string): boolean => listed.includes(`\t${ref}\n`);
    if (!has(base)) {
      throw remoteFailure(new GitFailed("ls-remote", 0, "couldn't find remote ref"), this.#request());
    }
    return { run: has(run), kept: has(kept) };
  }

  /** Notes where the work begins, and what an earlier attempt has left. `run`: the run's branch, where there is one. */
  async #markBeginnings(
    target: string,
    { base, run, hasKept }: { base: string; run?: string; hasKept: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const set = async (ref: string, ...commit: string[]): Promise<void> => {
      const id = (await this.#git.text(["-C", target, ...commit], { signal })).trim();
      await this.#git.text(["-C", target, "update-ref", ref, id], { signal });
    };
    if (hasKept) await set(workRef, "rev-parse", `${keptRef}^`);
    const tips = [...(run === undefined ? [] : [run]), ...(hasKept ? [workRef] : [])];
    const [tip] = tips;
    if (tip !== undefined && staysInWorkspace(this.#inputs)) {
      // The branch that the work started from may have moved on to what this run has delivered.
      await set(baseRef, "rev-list", ...this.#beforeOwn(), tip);
    } else {
      // All of it has been merged: what comes now begins where the branch stands that it was merged into.
      const merged = await this.#holdsAll(target, base, tips, signal);
      if (merged && run !== undefined) await set(run, "rev-parse", base);
      await (merged ? set(baseRef, "rev-parse", base) : set(baseRef, "merge-base", base, tip ?? base));
    }
    if (run !== undefined) await set(startRef, "rev-parse", run);
  }

  /** Picks the newest commit that neither this run nor its agent has made. */
  #beforeOwn(): string[] {
    const own = [`--grep=^${runTrailer}: ${this.#inputs.uid}$`, `--grep=^${workInProgress}$`];
    return ["--max-count=1", "--invert-grep", ...own];
  }

  async #holdsAll(target: string, ref: string, tips: readonly string[], signal: AbortSignal): Promise<boolean> {
    const args = ["-C", target, "rev-list", "--count", ...tips, "--not", ref];
    return (await this.#git.text(args, { signal })).trim() === "0";
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
      "core.hooksPath": hooks,
    };
    for (const [name, value] of Object.entries(settings)) {
      await this.#git.text(["-C", target, "config", name, value], { signal });
    }
    for (const hidden of ["refs/orchestrator", `!${workRef}`]) {
      await this.#git.text(["-C", target, "config", "--add", "transfer.hideRefs", hidden], { signal });
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
    const { branch } = this.#inputs;
    if (/\[rejected\]/.test(error.stderr)) {
      const text = `branch ${branch} in ${upstreamName(this.#inputs)} holds commits that are not from this run, and is not overwritten: merge or remove them, then apply the run again under a new name`;
      return new RunFailure("PushRejected", text, { cause: error });
    }
    if (/\[remote rejected\]/.test(error.stderr)) {
      const text = `${upstreamName(this.#inputs)} refused the push of branch ${branch}: ${gitWords(error.stderr)}`;
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

  async #commitOf(ref: string, signal: AbortSignal): Promise<string | undefined> {
    const text = await this.#local(["for-each-ref", "--format=%(objectname)", ref], signal);
    return text.trim() === "" ? undefined : text.trim();
  }

  async #local(args: readonly string[], signal: AbortSignal, input?: string | Buffer): Promise<string> {
    return await this.#git.text(["-C", this.path, ...args], { signal, ...(input !== undefined && { input }) });
  }

  async #remote(args: readonly string[], signal: AbortSignal): Promise<string> {
    try {
      return await this.#git.text(args, { signal });
    } catch (error) {
      throw error instanceof GitFailed ? remoteFailure(error, this.#request()) : error;
    }
  }

  #request(): Parameters<typeof remoteFailure>[1] {
    const { branch, secretName } = this.#inputs.repository;
    return { url: upstreamName(this.#inputs), branch, secretName };
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
