import type { OutputFormat } from "@orchestrator/core/pure";
import { asciiDocProblem } from "./ascii-doc.ts";
import { markdownProblem } from "./markdown.ts";
import { mdxProblem } from "./mdx.ts";

/** A document is read by people and by agents: 1 MiB is far above what either takes in. */
const sizeLimit = 1024 * 1024;

/** Says in a few words what keeps a document from being one of its format; undefined when it parses. */
export async function documentProblem(format: OutputFormat, text: string): Promise<string | undefined> {
  if (text.trim() === "") return "it is empty";
  if (text.length > sizeLimit) return `it is longer than ${sizeLimit} characters`;
  switch (format) {
    case "Markdown":
      return markdownProblem(text);
    case "MDX":
      return await mdxProblem(text);
    case "AsciiDoc":
      return await asciiDocProblem(text);
  }
}
