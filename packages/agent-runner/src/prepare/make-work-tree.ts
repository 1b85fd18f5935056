import { rm } from "node:fs/promises";
import type { Door, RunInputs } from "@orchestrator/core/pure";
import { GitFailed } from "../gateway/git/git.ts";
import { RunFailure } from "../gateway/run-failure.ts";
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
 * Clones from the gateway and makes the run's branch, or goes on with it where it is there already.
 *
 * @returns the commit that the branch stands at
 * @throws RunFailure RepositoryUnreachable
 */
export async function makeWorkTree(step: Step, { inputs, door, baseCommit, work }: WorkTreeOptions): Promise<string> {
  // An init container may run twice: what the first run left is made again.
  await rm(step.paths.repository, { recursive: true, force: true });
  const repository = new Repository({ ...step, directory: step.paths.repository, door });
  try {
    await repository.clone(`${door.address}/repository.git`, inputs.repository.branch);
    await makeBranch(repository, inputs.branch, baseCommit);
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

async function makeBranch(repository: Repository, branch: string, baseCommit: string): Promise<void> {
  const ref = `refs/heads/${branch}`;
  const known = await repository.git(["ls-remote", "origin", ref]);
  if (known === "") {
    await repository.git(["switch", "--quiet", "--no-track", "--create", branch, baseCommit]);
    return;
  }
  await repository.git(["fetch", "--quiet", "--no-tags", "origin", `${ref}:${ref}`]);
  await repository.git(["switch", "--quiet", branch]);
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
