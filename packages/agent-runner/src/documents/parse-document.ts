import type { OutputFormat } from "@orchestrator/core/pure";

/** A document is read by people and by agents: 1 MiB is far above what either takes in. */
const sizeLimit = 1024 * 1024;

/** Says in a few words what keeps a document from being one of its format; undefined when it parses. */
export async function documentProblem(format: OutputFormat, text: string): Promise<string | undefined> {
  if (text.trim() === "") return "it is empty";
  if (text.length > sizeLimit) return `it is longer than ${sizeLimit} characters`;
  // A stop hook is waited for: it loads the one parser that it needs.
  switch (format) {
    case "Markdown":
      return (await import("./markdown.ts")).markdownProblem(text);
    case "MDX":
      return await (await import("./mdx.ts")).mdxProblem(text);
    case "AsciiDoc":
      return await (await import("./ascii-doc.ts")).asciiDocProblem(text);
  }
}
