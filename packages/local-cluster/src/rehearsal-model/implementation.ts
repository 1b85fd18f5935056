import { posix } from "node:path";
import type { TaskBlock } from "@orchestrator/core/pure";
import { label, plainWords, type RehearsedFile } from "./rehearsed-file.ts";

type ImplementationBlock = Extract<TaskBlock, { kind: "TaskImplementationRun" }>;

/**
 * A small module and its test, in the service's folder; in a later round a note beside them.
 *
 * @param asked how often the session has been asked for work on a task
 */
export function rehearseImplementation(
  block: ImplementationBlock,
  round: number,
  asked: number,
): { files: RehearsedFile[]; test: RehearsedFile } {
  const { source, test } = moduleAndTest(block);
  const note = { path: posix.join(posix.dirname(source.path), `round-${round}.txt`), content: noteOn(asked) };
  return { files: [source, test, ...(round === 1 ? [] : [note])], test };
}

/** Shows who reads it whether the session knew of the rounds before. */
function noteOn(asked: number): string {
  return `${label}\nPrompts of this session: ${asked}\n`;
}

function moduleAndTest(block: ImplementationBlock): { source: RehearsedFile; test: RehearsedFile } {
  const { task, serviceName } = block;
  const folder = posix.join(block.workingDirectory, "services", serviceName);
  const module = `task-${task.id}.mjs`;
  const title = plainWords(task.title) || "untitled";
  return {
    source: {
      path: posix.join(folder, module),
      content: [
        `// ${label}`,
        `/** Says which task this module stands for. */`,
        `export function describeTask() {`,
        `  return ${JSON.stringify(`Task ${task.id}: ${title}`)};`,
        `}`,
        ``,
      ].join("\n"),
    },
    test: {
      path: posix.join(folder, `task-${task.id}.test.mjs`),
      content: [
        `// ${label}`,
        `import assert from "node:assert/strict";`,
        `import { test } from "node:test";`,
        `import { describeTask } from "./${module}";`,
        ``,
        `test("the module names its task", () => {`,
        `  assert.match(describeTask(), /^Task ${task.id}: /);`,
        `});`,
        ``,
      ].join("\n"),
    },
  };
}
