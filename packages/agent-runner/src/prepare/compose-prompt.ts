import { formatTaskBlock, type MarkdownFile, type RunInputs, type TaskBlock } from "@orchestrator/core/pure";
import { documentPaths } from "../documents/document-paths.ts";
import type { Task } from "../tasks/task.ts";
import { taskText } from "../tasks/task-text.ts";

export interface PromptParts {
  inputs: RunInputs;
  /** The attempt's `prompt.md`. */
  instructions: string;
  task: Task;
  /** Implementation: files given in the run's object; they stand in the prompt in full. */
  given: readonly MarkdownFile[];
  /** Implementation: paths of documents in the repository. */
  documents: readonly string[];
  /** Sections of this attempt alone. */
  further?: readonly string[];
}

/**
 * The whole prompt of one session: instructions, the task, given documents, what this attempt adds, and last the block
 * that programs read.
 */
export function composePrompt(parts: PromptParts): string {
  const given = parts.given.map(
    ({ filename, fileType, content }) => `# Document ${filename} (${fileType})\n\n${content}`,
  );
  const further = [...followUp(parts.inputs), ...(parts.further ?? [])];
  const sections = [parts.instructions, taskText(parts.task), ...given, ...further, formatTaskBlock(block(parts))];
  return `${sections.map((section) => section.trim()).join("\n\n")}\n`;
}

function followUp(inputs: RunInputs): string[] {
  if (inputs.kind !== "TaskImplementationRun" || inputs.round === 1) return [];
  const asked = inputs.followUp === undefined ? "" : `\n\n${inputs.followUp}`;
  return [
    `# Round ${inputs.round}\n\nThe task was worked on before, and that work is here. Go on from it with what this round asks for, and with the documents above as they are now.${asked}`,
  ];
}

function block({ inputs, task, documents }: PromptParts): TaskBlock {
  const asked = {
    id: task.id,
    title: task.title,
    ...text("description", task.description),
    ...text("details", task.details),
    ...text("testStrategy", task.testStrategy),
  };
  switch (inputs.kind) {
    case "DocsGenerationRun": {
      const { workingDirectory, outputFormat: format } = inputs;
      const files = documentPaths({ workingDirectory, taskId: task.id, format }).documents;
      return { kind: inputs.kind, task: asked, files, format };
    }
    case "TaskImplementationRun": {
      const { kind, serviceName, workingDirectory } = inputs;
      return { kind, task: asked, serviceName, workingDirectory, documents: [...documents] };
    }
  }
}

function text<K extends string>(key: K, value: string): Partial<Record<K, string>> {
  return value === "" ? {} : ({ [key]: value } as Record<K, string>);
}
