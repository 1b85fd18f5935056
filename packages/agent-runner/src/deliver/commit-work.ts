import type { RunInputs } from "@orchestrator/core/pure";
import { roundTrailer, runTrailer } from "../steps/git-names.ts";
import { Repository } from "../steps/repository.ts";
import { treeOfWork, type WorkOptions } from "./tree-of-work.ts";

export interface CommitOptions extends WorkOptions {
  message: string;
}

/** Ref of the work tree: the commit that is delivered. */
const deliveryRef = "refs/orchestrator/delivery";

/**
 * Makes one commit of the attempt's work on top of where the branch stood before it, commits of the agent's own
 * included. Asked for again it finds the commit that it has made: another one of another second could not be pushed.
 *
 * @returns `parent` where there is nothing to commit
 * @throws GitFailed
 */
export async function commitWork(options: CommitOptions): Promise<string> {
  const { step, inputs, parent, message } = options;
  const repository = new Repository({ ...step, directory: step.paths.repository });
  const tree = await treeOfWork(options);
  if (tree === (await repository.git(["rev-parse", `${parent}^{tree}`]))) return parent;
  const made = await repository.git(["for-each-ref", "--format=%(parent) %(tree) %(objectname)", deliveryRef]);
  const origin = `${parent} ${tree} `;
  if (made.startsWith(origin)) return made.slice(origin.length);
  const text = `${message.trimEnd()}\n\n${trailers(inputs)}\n`;
  const commit = await repository.git(["commit-tree", tree, "-p", parent, "-F", "-"], text);
  await repository.git(["update-ref", deliveryRef, commit]);
  return commit;
}

function trailers({ uid, round }: RunInputs): string {
  return `${runTrailer}: ${uid}\n${roundTrailer}: ${round}`;
}
