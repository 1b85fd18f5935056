import { lstat, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Door, RunInputs } from "@orchestrator/core/pure";
import { GitFailed } from "../gateway/git/git.ts";
import { RunFailure } from "../steps/run-failure.ts";
import { workRef } from "../steps/git-names.ts";
import { Repository } from "../steps/repository.ts";
import type { Step } from "../steps/step-options.ts";

export interface WorkTreeOptions {
  inputs: RunInputs;
  door: Door;
  /** Where the branch begins that is not there yet. */
  baseCommit: string;
  /** Unfinished work that is laid out on top of the branch, as if it had been done just now. */
  work: string | undefined;
}

/**
 * Clones from the gateway and makes the run's branch, or goes on with it where it is there already. In a folder that other runs
 * have worked in every file that Git knows of, or would take up, becomes the branch's; what it ignores stays.
 *
 * @returns the commit that the branch stands at
 * @throws RunFailure RepositoryUnreachable
 */
export async function makeWorkTree(step: Step, { inputs, door, baseCommit, work }: WorkTreeOptions): Promise<string> {
  const { repository: directory } = step.paths;
  const fresh = new Repository({ ...step, directory: `${directory}.new`, door });
  const repository = new Repository({ ...step, directory, door });
  try {
    await rm(`${directory}.new`, { recursive: true, force: true });
    await fresh.clone(`${door.address}/repository.git`, inputs.repository.branch);
    await putInPlace(`${directory}.new`, directory);
    await makeBranch(repository, inputs.branch, baseCommit);
    await layOutBranch(repository);
    if (work !== undefined) await layOutWork(repository, work);
  } catch (error) {
    if (!(error instanceof GitFailed)) throw error;
    const message = `git ${error.command} from the pod's gateway failed: ${error.stderr.trim()}`;
    throw new RunFailure("RepositoryUnreachable", message, { cause: error });
  }
  const { name, email } = author(inputs);
  await repository.git(["config", "user.name", name]);
  await repository.git(["config", "user.email", email]);
  return await repository.git(["rev-parse", "HEAD"]);
}

/** Nothing of an old `.git`, its hooks and settings included, is left. */
async function putInPlace(clone: string, directory: string): Promise<void> {
  const found = await lstat(directory).catch(() => undefined);
  if (found?.isDirectory() !== true) await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await rm(join(directory, ".git"), { recursive: true, force: true });
  await rename(join(clone, ".git"), join(directory, ".git"));
  await rm(clone, { recursive: true });
}

async function makeBranch(repository: Repository, branch: string, baseCommit: string): Promise<void> {
  const ref = `refs/heads/${branch}`;
  const known = await repository.git(["ls-remote", "origin", ref]);
  if (known === "") await repository.git(["update-ref", ref, baseCommit]);
  else await repository.git(["fetch", "--quiet", "--no-tags", "origin", `${ref}:${ref}`]);
  await repository.git(["symbolic-ref", "HEAD", ref]);
}

async function layOutBranch(repository: Repository): Promise<void> {
  // Files that are the branch's already keep their times, which build tools go by.
  await repository.git(["read-tree", "HEAD"]);
  await repository.git(["update-index", "-q", "--refresh"]);
  await repository.git(["reset", "--quiet", "--hard"]);
  await repository.git(["clean", "--quiet", "-d", "--force", "--force"]);
}

async function layOutWork(repository: Repository, work: string): Promise<void> {
  if ((await repository.git(["rev-parse", "HEAD"])) === work) return;
  await repository.git(["fetch", "--quiet", "--no-tags", "origin", workRef]);
  await repository.git(["read-tree", "--reset", "-u", work]);
  // What is there now differs from the branch, and nothing of it is staged.
  await repository.git(["reset", "--quiet", "--mixed"]);
}

/** Who the commits are by. The address belongs to nobody: `.invalid` is reserved for that. */
function author(inputs: RunInputs): { name: string; email: string } {
  const name = inputs.kind === "TaskImplementationRun" ? inputs.agentName : "docs-generation";
  return { name, email: `${name}@orchestrator.invalid` };
}
