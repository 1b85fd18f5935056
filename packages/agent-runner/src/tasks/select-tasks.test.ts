import { describe, expect, it } from "vitest";
import { InvalidInputError } from "./invalid-input.ts";
import { selectTask, selectTasks } from "./select-tasks.ts";
import { task } from "./task.ts";

const tasks = ["pending", "done", "in-progress", "cancelled", "deferred", "review", "blocked"].map((status, index) =>
  task.parse({ id: index + 1, status }),
);
const ids = (targets?: number[]): number[] => selectTasks(tasks, targets).map(({ id }) => id);
const explanation = (select: () => unknown): string => {
  try {
    select();
  } catch (error) {
    if (error instanceof InvalidInputError) return error.message;
    throw error;
  }
  throw new Error("was taken");
};

describe("the tasks of a run", () => {
  it("are all but the done, cancelled and deferred ones when none are named", () => {
    expect(ids()).toEqual([1, 3, 6, 7]);
  });

  it("are the named ones whatever their state, in the file's order", () => {
    expect(ids([6, 2, 5])).toEqual([2, 5, 6]);
    expect(selectTask(tasks, 4).status).toBe("cancelled");
  });

  it("must exist: the explanation names those that do not and those that do", () => {
    expect(explanation(() => selectTasks(tasks, [9, 1, 12, 10]))).toBe(
      "spec.targetTasks names tasks that do not exist: 9-10,12; the list has 1-7.",
    );
    expect(explanation(() => selectTask([], 3))).toBe(
      "spec.taskId names tasks that do not exist: 3; the list is empty.",
    );
  });
});
