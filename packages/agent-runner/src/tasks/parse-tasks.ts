import { taskmasterFolder } from "@orchestrator/core/pure";
import { z } from "zod";
import { InvalidInputError } from "./invalid-input.ts";
import { parseJson } from "./json.ts";
import { type Task, task } from "./task.ts";

/** The list that a file without tags counts as. */
const untagged = "master";

export interface ParseTasksOptions {
  /** Which list of a tagged file. */
  tag: string;
  /** Path of the file, for explanations. */
  file: string;
}

/** Where the Task Master file lies, relative to the repository's root. */
export function tasksFile(workingDirectory: string): string {
  return `${taskmasterFolder(workingDirectory)}/tasks/tasks.json`;
}

/**
 * Reads the tasks of one list, in the file's order. Takes plain files (`{"tasks": [...]}`, which is the list `master`)
 * and tagged ones (`{"master": {"tasks": [...]}, ...}`).
 *
 * @throws InvalidInputError where the file is damaged, of another shape, lacks the list, or holds an id twice
 */
export function parseTasks(bytes: Uint8Array, options: ParseTasksOptions): Task[] {
  const { path, list } = findList(parseJson(bytes, options.file), options);
  const parsed = z.array(task).safeParse(list);
  if (!parsed.success) throw wrongShape(options.file, path, parsed.error);
  refuseDuplicates(parsed.data, path, options.file);
  return parsed.data;
}

function findList(root: unknown, { tag, file }: ParseTasksOptions): { path: string; list: unknown[] } {
  const lists = new Map<string, { path: string; list: unknown[] }>();
  if (isRecord(root)) {
    if (Array.isArray(root["tasks"])) lists.set(untagged, { path: "tasks", list: root["tasks"] });
    for (const [name, value] of Object.entries(root)) {
      if (isRecord(value) && Array.isArray(value["tasks"])) {
        lists.set(name, { path: `${name}.tasks`, list: value["tasks"] });
      }
    }
  }
  if (lists.size === 0) {
    throw new InvalidInputError(
      `${file} holds no list of tasks. It has to be {"tasks": [...]} or {"master": {"tasks": [...]}}.`,
    );
  }
  const found = lists.get(tag);
  if (found === undefined) {
    const names = [...lists.keys()].map((name) => JSON.stringify(name)).join(", ");
    throw new InvalidInputError(`${file} has no tag ${JSON.stringify(tag)}; its tags are ${names} (spec.tag)`);
  }
  return found;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrongShape(file: string, path: string, error: z.ZodError): InvalidInputError {
  const [issue] = error.issues;
  const where = (issue?.path ?? [])
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("");
  return new InvalidInputError(`${file}: ${path}${where}: ${issue?.message ?? "is wrong"}`, {
    cause: error,
  });
}

function refuseDuplicates(tasks: readonly Task[], path: string, file: string): void {
  const seen = new Map<number, number>();
  for (const [index, { id }] of tasks.entries()) {
    const first = seen.get(id);
    if (first !== undefined) {
      throw new InvalidInputError(
        `${file}: ${path}[${first}] and ${path}[${index}] both have the id ${id}. Give each task an id of its own.`,
      );
    }
    seen.set(id, index);
  }
}
