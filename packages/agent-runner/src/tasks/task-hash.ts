import { createHash } from "node:crypto";
import type { Subtask, Task } from "./task.ts";

/**
 * Hash of what a task asks for, as it stands in `source.json`: `sha256:...`. Status and other bookkeeping do not
 * count, nor does the kind of line ends, so that documents stay up to date when only these change.
 */
export function taskHash(task: Task): string {
  const canonical = JSON.stringify([...texts(task), task.subtasks.map((subtask) => [subtask.id, ...texts(subtask)])]);
  return `sha256:${createHash("sha256").update(canonical).digest("hex")}`;
}

function texts(of: Task | Subtask): unknown[] {
  const lines = [of.title, of.description, of.details, of.testStrategy].map((text) => text.replaceAll("\r\n", "\n"));
  return [...lines, of.dependencies];
}
