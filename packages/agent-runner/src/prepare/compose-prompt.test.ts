import { readTaskBlock } from "@orchestrator/core/pure";
import { expect, it } from "vitest";
import { docsInputs, implementationInputs } from "../steps/step-lab.ts";
import { task } from "../tasks/task.ts";
import { composePrompt } from "./compose-prompt.ts";

const asked = task.parse({ id: 3, title: "Store orders", details: "One row each." });
const parts = { instructions: "# Write\n\n", task: asked, given: [], documents: [] };

it("asks a docs session for the documents of one task", () => {
  const prompt = composePrompt({ ...parts, inputs: docsInputs({ workingDirectory: "apps/a", outputFormat: "MDX" }) });
  expect(prompt).toMatch(
    /^# Write\n\n# Task 3: Store orders\n\n## Details\n\nOne row each\.\n\n```json orchestrator-task\n/,
  );
  const folder = "apps/a/.taskmaster/docs/task-3";
  expect(readTaskBlock(prompt)).toEqual({
    kind: "DocsGenerationRun",
    task: { id: 3, title: "Store orders", details: "One row each." },
    files: {
      task: `${folder}/task.mdx`,
      prompt: `${folder}/prompt.mdx`,
      acceptanceCriteria: `${folder}/acceptance-criteria.mdx`,
    },
    format: "MDX",
  });
});

it("gives an implementer the documents of the run's object in full, and the paths of the others", () => {
  const prompt = composePrompt({
    ...parts,
    inputs: implementationInputs({ workingDirectory: "apps/a" }),
    given: [{ filename: "design.md", fileType: "design-spec", content: "It is round.\n" }],
    documents: ["apps/a/.taskmaster/docs/task-3/task.md"],
  });
  expect(prompt).toContain("\n\n# Document design.md (design-spec)\n\nIt is round.\n\n```json orchestrator-task\n");
  expect(readTaskBlock(prompt)).toMatchObject({
    kind: "TaskImplementationRun",
    serviceName: "shop",
    workingDirectory: "apps/a",
    documents: ["apps/a/.taskmaster/docs/task-3/task.md"],
  });
});
