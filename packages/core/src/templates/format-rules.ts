import type { OutputFormat } from "../api/docs-generation-run.ts";

/** What a document of each format has to look like to parse, told to the agent. */
export const formatRules: Readonly<Record<OutputFormat, string>> = {
  Markdown: "CommonMark with GitHub's tables and task lists. Begin each file with one `# ` heading.",
  MDX: [
    "MDX 3: Markdown in which `<` begins JSX and `{` begins an expression. Begin each file with one `# ` heading.",
    "Write `<`, `{` and `}` of ordinary text inside backticks or with a backslash, close every tag, use no HTML comments",
    "and import nothing.",
  ].join("\n"),
  AsciiDoc: [
    "AsciiDoc as Asciidoctor reads it: begin each file with one `= ` title, sections with `== `, code in `----` blocks",
    "under `[source,LANGUAGE]`. Use no Markdown. Close every block, and include no other file.",
  ].join("\n"),
};
