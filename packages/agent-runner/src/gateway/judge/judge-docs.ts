import type { DocsRunInputs } from "@orchestrator/core/pure";
import { type CompletenessOptions, isCurrent } from "../../documents/completeness.ts";
import { documentPaths } from "../../documents/document-paths.ts";
import type { ReadFile } from "../../documents/completeness.ts";

/** How each task of a docs run stands, by id. */
export interface TaskOutcomes {
  /** The branch holds its documents, written anew. */
  delivered: number[];
  /** Its documents were there before, and are still right. */
  upToDate: number[];
  /** Its documents are missing, do not parse, or are not about the task's present text. */
  failed: number[];
}

export interface JudgeDocsOptions {
  inputs: DocsRunInputs;
  /** The tasks that the run is about, with `taskHash` of each. */
  tasks: readonly { id: number; hash: string }[];
  /** Files as they are on the run's branch. */
  readFile: ReadFile;
  /** Paths that the branch changes. */
  changed: ReadonlySet<string>;
}

/** Sorts the tasks by what the branch holds of them; what a session claims plays no part. */
export async function judgeDocs(options: JudgeDocsOptions): Promise<TaskOutcomes> {
  const { workingDirectory, outputFormat: format } = options.inputs;
  const completeness: CompletenessOptions = { workingDirectory, format, readFile: options.readFile };
  const outcomes: TaskOutcomes = { delivered: [], upToDate: [], failed: [] };
  for (const task of options.tasks) {
    const { documents, source } = documentPaths({ workingDirectory, format, taskId: task.id });
    const written = [...Object.values(documents), source].some((path) => options.changed.has(path));
    outcomes[outcomeOf({ current: await isCurrent(task, completeness), written, force: options.inputs.force })].push(
      task.id,
    );
  }
  return outcomes;
}

function outcomeOf(task: { current: boolean; written: boolean; force: boolean }): keyof TaskOutcomes {
  if (!task.current) return "failed";
  if (task.written) return "delivered";
  // Documents were to be written again, and were not.
  return task.force ? "failed" : "upToDate";
}
