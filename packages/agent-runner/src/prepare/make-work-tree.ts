import { rm } from "node:fs/promises";
import type { Door, RunInputs } from "@orchestrator/core/pure";
import { GitFailed } from "../gateway/git/git.ts";
import { EndingError } from "../steps/ending-error.ts";
import { Repository } from "../steps/repository.ts";
import type { Step } from "../steps/step-options.ts";

/**
 * Clones from the gateway and makes the run's branch, or goes on with it where it is there already.
 *
 * @returns the commit that the branch stands at
 * @throws EndingError RepositoryUnreachable
 */
export async function makeWorkTree(step: Step, inputs: RunInputs, door: Door): Promise<string> {
  // An init container may run twice: what the first run left is made again.
  await rm(step.paths.repository, { recursive: true, force: true });
  const repository = new Repository({ ...step, directory: step.paths.repository, door });
  try {
    await repository.clone(`${door.address}/repository.git`, inputs.repository.branch);
    await makeBranch(repository, inputs.branch);
  } catch (error) {
    if (!(error instanceof GitFailed)) throw error;
    const message = `git ${error.command} from the pod's gateway failed: ${error.stderr.trim()}`;
    throw new EndingError({ reason: "RepositoryUnreachable", message }, { cause: error });
  }
  const { name, email } = author(inputs);
  await repository.git(["config", "user.name", name]);
  await repository.git(["config", "user.email", email]);
  return await repository.git(["rev-parse", "HEAD"]);
}

async function makeBranch(repository: Repository, branch: string): Promise<void> {
  const ref = `refs/heads/${branch}`;
  const known = await repository.git(["ls-remote", "origin", ref]);
  if (known === "") {
    await repository.git(["switch", "--quiet", "--no-track", "--create", branch]);
    return;
  }
  await repository.git(["fetch", "--quiet", "--no-tags", "origin", `${ref}:${ref}`]);
  await repository.git(["switch", "--quiet", branch]);
}

/** Who the commits are by. The address belongs to nobody: `.invalid` is reserved for that. */
function author(inputs: RunInputs): { name: string; email: string } {
  const name = inputs.kind === "TaskImplementationRun" ? inputs.agentName : "docs-generation";
  return { name, email: `${name}@orchestrator.invalid` };
}
