import { access } from "node:fs/promises";
import { join } from "node:path";
import type { RunInputs } from "@orchestrator/core/pure";
import { possibleDocumentPaths } from "../documents/document-paths.ts";
import { roundTrailer, runTrailer } from "../steps/git-names.ts";
import type { Repository } from "../steps/repository.ts";
import type { Plan } from "../steps/step-files.ts";

export interface CommitOptions {
  repository: Repository;
  /** The work tree's folder. */
  directory: string;
  inputs: RunInputs;
  plan: Plan;
  /** Tasks whose work goes into the commit. */
  tasks: readonly number[];
  message: string;
}

/**
 * Makes one commit of the attempt's work on top of where the branch stood before it, commits of the agent's own
 * included. Of a docs run only the documents of `tasks` go in, whatever else has changed. Asked for again it finds the commit
 * that it has made: another one of another second could not be pushed.
 *
 * @returns false where there is nothing to commit
 */
export async function commitWork(options: CommitOptions): Promise<boolean> {
  const { repository, inputs, plan, message } = options;
  const head = await repository.git(["rev-parse", "HEAD"]);
  if (inputs.kind === "DocsGenerationRun") {
    await repository.git(["reset", "--quiet", "--mixed", plan.startCommit]);
    await addDocuments(options, inputs.workingDirectory);
  } else {
    await repository.git(["reset", "--quiet", "--soft", plan.startCommit]);
    await repository.git(["add", "--all"]);
  }
  if (await repository.tells(["diff", "--cached", "--quiet"])) return false;
  if (await isOwnCommit(options, head)) {
    await repository.git(["reset", "--quiet", "--soft", head]);
    return true;
  }
  const trailers = [`--trailer=${runTrailer}: ${inputs.uid}`, `--trailer=${roundTrailer}: ${inputs.round}`];
  await repository.git(["commit", "--quiet", "--file=-", ...trailers], message);
  return true;
}

/** Whether `commit` holds what is staged now, and was made here from where the branch stood. */
async function isOwnCommit({ repository, inputs, plan }: CommitOptions, commit: string): Promise<boolean> {
  const format = `--format=%P %(trailers:key=${runTrailer},valueonly,separator=%x2C)`;
  const origin = await repository.git(["log", "--max-count=1", format, commit]);
  if (origin !== `${plan.startCommit} ${inputs.uid}`) return false;
  return await repository.tells(["diff", "--cached", "--quiet", commit]);
}

/** Adds the documents of `tasks` to the index, those that were removed included. */
export async function addDocuments(
  { repository, directory, tasks }: Pick<CommitOptions, "repository" | "directory" | "tasks">,
  workingDirectory: string,
): Promise<void> {
  const possible = tasks.flatMap((taskId) => possibleDocumentPaths({ workingDirectory, taskId }));
  if (possible.length === 0) return;
  const known = await repository.git(["ls-files", "-z", "--", ...possible.map(literal)]);
  const tracked = new Set(known.split("\0"));
  const present = await Promise.all(possible.map((path) => exists(join(directory, path))));
  // Git refuses paths that it knows nothing of.
  const paths = possible.filter((path, index) => present[index] === true || tracked.has(path));
  // The repository's own ignore rules do not speak of documents that were asked for.
  if (paths.length > 0) await repository.git(["add", "--all", "--force", "--", ...paths.map(literal)]);
}

function literal(path: string): string {
  return `:(literal)${path}`;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
