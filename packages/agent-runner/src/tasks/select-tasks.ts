import { formatTaskRanges } from "@orchestrator/core/pure";
import { InvalidInputError } from "./invalid-input.ts";
import type { Task } from "./task.ts";

/** Characters of a list of ids in an explanation. */
const rangesLimit = 300;

const closed: ReadonlySet<string> = new Set(["done", "cancelled", "deferred"]);

/**
 * The tasks that a docs run is about, in the file's order.
 *
 * @param targets ids to take whatever their state; absent: all that are not done, cancelled or deferred
 * @throws InvalidInputError where a target does not exist: which, and which do
 */
export function selectTasks(tasks: readonly Task[], targets?: readonly number[]): Task[] {
  if (targets === undefined) return tasks.filter(({ status }) => !closed.has(status));
  const wanted = new Set(targets);
  refuseUnknown(tasks, wanted, "spec.targetTasks");
  return tasks.filter(({ id }) => wanted.has(id));
}

/**
 * The task that an implementation run is about.
 *
 * @throws InvalidInputError where it does not exist: which tasks do
 */
export function selectTask(tasks: readonly Task[], id: number): Task {
  refuseUnknown(tasks, new Set([id]), "spec.taskId");
  const [found] = tasks.filter((task) => task.id === id);
  if (found === undefined) throw new RangeError(`task ${id} was checked and is not there`);
  return found;
}

function refuseUnknown(tasks: readonly Task[], wanted: ReadonlySet<number>, field: string): void {
  const existing = new Set(tasks.map(({ id }) => id));
  const unknown = [...wanted].filter((id) => !existing.has(id));
  if (unknown.length === 0) return;
  const known =
    existing.size === 0 ? "the list is empty" : `the list has ${formatTaskRanges([...existing], rangesLimit)}`;
  throw new InvalidInputError(
    `${field} names tasks that do not exist: ${formatTaskRanges(unknown, rangesLimit)}; ${known}.`,
  );
}
