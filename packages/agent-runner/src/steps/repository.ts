import type { Door } from "@orchestrator/core/pure";
import { Git, GitFailed } from "../gateway/git/git.ts";

export interface RepositoryOptions {
  /** The work tree. */
  directory: string;
  /** Git gets PATH and HOME of it. */
  env: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
  /** How to reach the gateway, for commands that do. Absent: local commands only. */
  door?: Door;
  /** Absent: the work tree's own. */
  indexFile?: string;
}

/** The run's work tree, by Git commands in which hooks, signing and settings outside the repository play no part. */
export class Repository {
  readonly #options: RepositoryOptions;
  readonly #git: Git;

  constructor(options: RepositoryOptions) {
    this.#options = options;
    this.#git = new Git({ env: environment(options) });
  }

  /**
   * Output of `git ...args` in the work tree, without the last line break.
   *
   * @throws GitFailed where it ends with anything but 0
   */
  async git(args: readonly string[], input?: string): Promise<string> {
    return await this.#run(["-C", this.#options.directory, ...args], input);
  }

  /** True when Git ends with 0, false with 1: the manner of `diff --quiet` and its like. */
  async tells(args: readonly string[]): Promise<boolean> {
    try {
      await this.git(args);
      return true;
    } catch (error) {
      if (error instanceof GitFailed && error.exitCode === 1) return false;
      throw error;
    }
  }

  /** Makes a work tree by cloning one branch, with no file laid out yet. */
  async clone(url: string, branch: string): Promise<void> {
    await this.#run([
      "clone",
      "--quiet",
      "--no-tags",
      "--no-checkout",
      "--single-branch",
      "--branch",
      branch,
      "--",
      url,
      this.#options.directory,
    ]);
  }

  async #run(args: readonly string[], input?: string): Promise<string> {
    const { signal } = this.#options;
    return (await this.#git.text(args, { signal, ...(input !== undefined && { input }) })).trimEnd();
  }
}

/** The door's token reaches Git by its environment, never by arguments or by a file in the work tree. */
function environment({ env, door, indexFile }: RepositoryOptions): Record<string, string | undefined> {
  const settings = Object.entries({
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    // Of the home folder, which a workspace keeps.
    "core.excludesFile": "/dev/null",
    "core.attributesFile": "/dev/null",
    "core.quotePath": "false",
    "commit.gpgSign": "false",
    "http.proxy": "",
    ...(door && { "http.extraHeader": `Authorization: Basic ${btoa(`run:${door.token}`)}` }),
  });
  return {
    PATH: env["PATH"],
    HOME: env["HOME"],
    LC_ALL: "C.UTF-8",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_LFS_SKIP_SMUDGE: "1",
    ...(indexFile !== undefined && { GIT_INDEX_FILE: indexFile }),
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(
      settings.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  };
}
