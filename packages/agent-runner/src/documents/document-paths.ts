import { docsFolder, type OutputFormat } from "@orchestrator/core/pure";

/** The documents of a task, by the names of their files without extension. */
const documentNames = { task: "task", prompt: "prompt", acceptanceCriteria: "acceptance-criteria" } as const;

const extensions: Readonly<Record<OutputFormat, string>> = { Markdown: "md", MDX: "mdx", AsciiDoc: "adoc" };

export interface DocumentPathsOptions {
  workingDirectory: string;
  taskId: number;
  format: OutputFormat;
}

/** Where the documents of one task lie; all paths are relative to the repository's root. */
export interface DocumentPaths {
  folder: string;
  documents: { task: string; prompt: string; acceptanceCriteria: string };
  /** `source.json`: which text of the task the documents were written for. */
  source: string;
}

export function documentPaths({ workingDirectory, taskId, format }: DocumentPathsOptions): DocumentPaths {
  const folder = `${docsFolder(workingDirectory)}/task-${taskId}`;
  const file = (name: string): string => `${folder}/${name}.${extensions[format]}`;
  return {
    folder,
    documents: {
      task: file(documentNames.task),
      prompt: file(documentNames.prompt),
      acceptanceCriteria: file(documentNames.acceptanceCriteria),
    },
    source: `${folder}/source.json`,
  };
}

/** Every path that the documents of a task may have, in all formats, with `source.json`: what a docs run may write. */
export function possibleDocumentPaths(options: Omit<DocumentPathsOptions, "format">): string[] {
  const formats = Object.keys(extensions) as OutputFormat[];
  const all = formats.map((format) => documentPaths({ ...options, format }));
  return [...all.flatMap(({ documents }) => Object.values(documents)), ...new Set(all.map(({ source }) => source))];
}
