import { cp, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RunInputs } from "@orchestrator/core/pure";
import { possibleDocumentPaths } from "../documents/document-paths.ts";
import { Repository } from "../steps/repository.ts";
import type { Step } from "../steps/step-options.ts";
import { exists } from "../steps/optional-file.ts";

export interface WorkOptions {
  step: Pick<Step, "env" | "signal" | "paths">;
  inputs: RunInputs;
  /** What the work is put on top of. */
  parent: string;
  /** Docs: tasks whose documents belong to the work, whatever else has changed. */
  tasks: readonly number[];
}

/**
 * Writes the work as a tree of Git, beside the agent's own index: the agent may be using that just now, or have left it
 * locked or with conflicts.
 */
export async function treeOfWork({ step, inputs, parent, tasks }: WorkOptions): Promise<string> {
  const { repository: directory, temporary } = step.paths;
  // A Git that was killed leaves its lock beside the index.
  const folder = await mkdtemp(join(temporary, "index-"));
  const indexFile = join(folder, "index");
  const repository = new Repository({ ...step, directory, indexFile });
  try {
    if (inputs.kind === "DocsGenerationRun") {
      await repository.git(["read-tree", parent]);
      await addDocuments({ repository, directory, tasks }, inputs.workingDirectory);
    } else {
      // Git then need not read again what it knows to be unchanged, by the time of its index as well, and still knows what
      // was added against the ignore rules.
      const own = join(directory, ".git", "index");
      if (await exists(own)) await cp(own, indexFile, { preserveTimestamps: true });
      else await repository.git(["read-tree", parent]);
      await repository.git(["add", "--all"]);
    }
    return await repository.git(["write-tree"]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Adds the documents of `tasks` to the index, those that were removed included. */
async function addDocuments(
  { repository, directory, tasks }: { repository: Repository; directory: string; tasks: readonly number[] },
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
