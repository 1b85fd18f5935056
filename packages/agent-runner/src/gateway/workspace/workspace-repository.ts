import { glob, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gatewayIdentity } from "../../steps/git-names.ts";
import type { Git } from "../git/git.ts";
import { exists } from "../../steps/optional-file.ts";

const firstMessage = "Begin the workspace";

/**
 * The gateway's part of a service's workspace: a repository that keeps unfinished work, and all the work of runs that have no
 * other repository. The agent cannot reach it.
 */
export class WorkspaceRepository {
  readonly path: string;
  readonly #git: Git;

  constructor({ directory, git }: { directory: string; git: Git }) {
    this.path = join(directory, "repository.git");
    this.#git = git;
  }

  get url(): string {
    return pathToFileURL(this.path).href;
  }

  /** Makes it where it is not there yet. Nobody else may be at work in the workspace. */
  async prepare(signal: AbortSignal): Promise<void> {
    if (await exists(this.path)) return await this.#unlock();
    const unfinished = `${this.path}.new`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true });
    const inIt = async (...args: string[]) => await this.#git.text(["-C", unfinished, ...args], { signal });
    await inIt("init", "--quiet", "--bare", "--initial-branch=main");
    // A container that ends would cut short what tidies up behind it.
    await inIt("config", "gc.autoDetach", "false");
    await rename(unfinished, this.path);
  }

  /** A gateway that was killed while it wrote has left its locks, which would hold up all that come after it. */
  async #unlock(): Promise<void> {
    for await (const lock of glob(["*.lock", "refs/**/*.lock"], { cwd: this.path })) await rm(join(this.path, lock));
  }

  /** Gives a branch that is not there yet an empty commit, so that work can start from it. */
  async begin(branch: string, signal: AbortSignal): Promise<void> {
    const ref = `refs/heads/${branch}`;
    const known = await this.#git.text(["-C", this.path, "for-each-ref", ref], { signal });
    if (known !== "") return;
    const input = `commit ${ref}\ncommitter ${gatewayIdentity} now\ndata ${firstMessage.length}\n${firstMessage}\n`;
    await this.#git.text(["-C", this.path, "fast-import", "--quiet", "--date-format=now"], { signal, input });
  }
}
