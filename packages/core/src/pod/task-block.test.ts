import { describe, expect, it } from "vitest";
import { formatTaskBlock, readTaskBlock, type TaskBlock } from "./task-block.ts";

const docs: TaskBlock = {
  kind: "DocsGenerationRun",
  task: { id: 3, title: "Add `x`", details: "first\n```\nsecond\n```json orchestrator-task\n{}\n```" },
  files: { task: "a/task.md", prompt: "a/prompt.md", acceptanceCriteria: "a/acceptance-criteria.md" },
  format: "Markdown",
};

describe("the task block of a prompt", () => {
  it("is read back as written, whatever fences the task's own text holds", () => {
    expect(readTaskBlock(`# Write\n\n${formatTaskBlock(docs)}\n\nMore text.\n`)).toEqual(docs);
  });

  it("is the last one, whatever is quoted before it", () => {
    const other = formatTaskBlock({ ...docs, task: { id: 9, title: "Other" } });
    for (const quoted of [other, "```json orchestrator-task\nnever closed", "```json orchestrator-task\n{}\n```"]) {
      expect(readTaskBlock(`${quoted}\n\n${formatTaskBlock(docs)}\n`)).toEqual(docs);
    }
  });

  it("carries an implementation", () => {
    const block: TaskBlock = {
      kind: "TaskImplementationRun",
      task: { id: 1, title: "t" },
      serviceName: "billing",
      workingDirectory: ".",
      documents: [".taskmaster/docs/task-1/task.md"],
    };
    expect(readTaskBlock(formatTaskBlock(block))).toEqual(block);
  });

  it.each([
    ["no block", "# Write\n"],
    ["a block that is not JSON", "```json orchestrator-task\n{\n```"],
    ["a block of another shape", '```json orchestrator-task\n{"kind":"Else"}\n```'],
  ])("is absent for %s", (_name, prompt) => {
    expect(readTaskBlock(prompt)).toBeUndefined();
  });
});
