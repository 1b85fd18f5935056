import { expect, it } from "vitest";
import { task } from "./task.ts";
import { taskText } from "./task-text.ts";

it("writes a task as Markdown, without the texts that it does not have", () => {
  const text = taskText(
    task.parse({
      id: 3,
      title: "Store orders",
      description: "Keep them.",
      testStrategy: "Read back.",
      dependencies: [1, 2],
      subtasks: [{ id: 1, title: "Table", details: "One row each." }],
    }),
  );
  expect(text).toBe(
    [
      "# Task 3: Store orders",
      "Keep them.",
      "## Test strategy\n\nRead back.",
      "## Depends on\n\n1, 2",
      "## Subtask 3.1: Table",
      "### Details\n\nOne row each.",
    ].join("\n\n"),
  );
});
