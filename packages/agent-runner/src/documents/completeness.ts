import type { OutputFormat } from "@orchestrator/core/pure";
import { documentPaths } from "./document-paths.ts";
import { documentProblem } from "./parse-document.ts";
import { readSource } from "./source.ts";

/** Text of a file of the repository by its path from the root; undefined where there is no such file. */
export type ReadFile = (path: string) => Promise<string | undefined>;

export interface CompletenessOptions {
  workingDirectory: string;
  format: OutputFormat;
  readFile: ReadFile;
}

export interface DocumentProblem {
  path: string;
  /** A few words: `it is missing`, `line 3: the code fence is never closed`. */
  problem: string;
}

/** What is wrong with the documents of a task; none when all are there and parse in the asked format. */
export async function completeness(taskId: number, options: CompletenessOptions): Promise<DocumentProblem[]> {
  const problems: DocumentProblem[] = [];
  for (const path of Object.values(documentPaths({ ...options, taskId }).documents)) {
    const text = await options.readFile(path);
    const problem = text === undefined ? "it is missing" : await documentProblem(options.format, text);
    if (problem !== undefined) problems.push({ path, problem });
  }
  return problems;
}

/** True when the documents of a task are complete, in the asked format, and were written for this text of the task. */
export async function isCurrent(task: { id: number; hash: string }, options: CompletenessOptions): Promise<boolean> {
  const text = await options.readFile(documentPaths({ ...options, taskId: task.id }).source);
  const source = text === undefined ? undefined : readSource(text);
  if (source?.hash !== task.hash || source.format !== options.format) return false;
  return (await completeness(task.id, options)).length === 0;
}

/** The problems as one sentence for a person or an agent; at most three documents are spelled out by construction. */
export function describeProblems(problems: readonly DocumentProblem[]): string {
  return problems.map(({ path, problem }) => `${path}: ${problem}`).join("; ");
}
