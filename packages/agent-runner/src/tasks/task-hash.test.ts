import { describe, expect, it } from "vitest";
import { task } from "./task.ts";
import { taskHash } from "./task-hash.ts";

const given = {
  id: 1,
  title: "t",
  description: "d",
  details: "a\nb",
  testStrategy: "s",
  dependencies: [2],
  subtasks: [{ id: 1, title: "u" }],
};
const hash = (change: object): string => taskHash(task.parse({ ...given, ...change }));

describe("the hash of a task", () => {
  it("is the same whatever the bookkeeping says", () => {
    expect(hash({})).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(hash({ status: "done", priority: "low", id: "1", dependencies: ["2"], details: "a\r\nb" })).toBe(hash({}));
  });

  it.each([
    { title: "T" },
    { description: "D" },
    { details: "" },
    { testStrategy: null },
    { dependencies: [] },
    { subtasks: [] },
    { subtasks: [{ id: 1, title: "u", details: "more" }] },
    { title: "d", description: "t" },
  ])("changes with what is asked for: %j", (change) => {
    expect(hash(change)).not.toBe(hash({}));
  });
});
