import { expect, test } from "vitest";
import { taskOfFile } from "./task-of-file.ts";

test.each([
  ["# Greet by name #\n\nIn every language.\n", "Greet by name"],
  ["Some words first.\n\n## Then a heading\n", "Then a heading"],
  ["#hashtag is no heading\n", "Task 7"],
  ["", "Task 7"],
])("a file %j is a task with a title", (content, title) => {
  expect(taskOfFile(7, content)).toMatchObject({ id: 7, title, description: content.trim(), subtasks: [] });
});
