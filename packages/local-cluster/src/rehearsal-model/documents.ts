import type { TaskBlock } from "@orchestrator/core/pure";
import { label, plainWords, type RehearsedFile } from "./rehearsed-file.ts";
import type { Scenario } from "./scenario.ts";

type DocsBlock = Extract<TaskBlock, { kind: "DocsGenerationRun" }>;

interface Outline {
  title: string;
  sections: { heading: string; lines: string[] }[];
}

/** The three documents of a task in the format that it asks for, or what the scenario makes of them. */
export function rehearseDocuments(block: DocsBlock, scenario: Scenario | "plain"): RehearsedFile[] {
  const render = block.format === "AsciiDoc" ? asciiDoc : markdown;
  const file = (path: string, outline: Outline) => ({ path, content: render(outline) });
  const files = [
    file(block.files.task, taskOutline(block)),
    file(block.files.prompt, promptOutline(block)),
    file(block.files.acceptanceCriteria, criteriaOutline(block)),
  ];
  if (scenario === "no-files") return [];
  if (scenario === "one-file-missing") return files.slice(0, 2);
  if (scenario !== "broken-document") return files;
  return files.map((each, index) => (index === 1 ? { ...each, content: broken[block.format] } : each));
}

/** Texts that do not parse: a fence, a tag and a block that are never closed. */
const broken: Readonly<Record<DocsBlock["format"], string>> = {
  Markdown: "# Broken\n\n```\nnever closed\n",
  MDX: "# Broken\n\n<Section>\n\n{unfinished\n",
  AsciiDoc: "= Broken\n\n----\nnever closed\n",
};

function name({ task }: DocsBlock): string {
  return `Task ${task.id}: ${plainWords(task.title) || "untitled"}`;
}

function about({ task }: DocsBlock): string {
  return plainWords(task.description ?? task.details ?? "") || "The task has no description.";
}

function taskOutline(block: DocsBlock): Outline {
  return {
    title: name(block),
    sections: [
      { heading: "Overview", lines: [about(block)] },
      { heading: "Technical approach", lines: [plainWords(block.task.details ?? "") || "To be read from the code."] },
      { heading: "Risks", lines: ["None are known to a rehearsal."] },
    ],
  };
}

function promptOutline(block: DocsBlock): Outline {
  return {
    title: `Prompt for ${name(block)}`,
    sections: [
      { heading: "What to do", lines: [about(block)] },
      { heading: "Steps", lines: ["Read the code that the task touches.", "Implement it.", "Run the tests."] },
    ],
  };
}

function criteriaOutline(block: DocsBlock): Outline {
  const test = plainWords(block.task.testStrategy ?? "") || "The tests of the repository pass.";
  return {
    title: `Acceptance criteria of ${name(block)}`,
    sections: [
      { heading: "Functional", lines: [about(block)] },
      { heading: "Technical", lines: [test] },
    ],
  };
}

function markdown({ title, sections }: Outline): string {
  const body = sections.map(({ heading, lines }) => `## ${heading}\n\n${lines.map((line) => `- ${line}`).join("\n")}`);
  return `${[`# ${title}`, `> ${label}`, ...body].join("\n\n")}\n`;
}

function asciiDoc({ title, sections }: Outline): string {
  const body = sections.map(({ heading, lines }) => `== ${heading}\n\n${lines.map((line) => `* ${line}`).join("\n")}`);
  return `${[`= ${title}`, `NOTE: ${label}`, ...body].join("\n\n")}\n`;
}
