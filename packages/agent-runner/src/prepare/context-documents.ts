import { join } from "node:path";
import type { ImplementationRunInputs, MarkdownFile, OutputFormat } from "@orchestrator/core/pure";
import { type DocumentPaths, documentPaths } from "../documents/document-paths.ts";
import { readOptional } from "../steps/optional-file.ts";
import type { Paths } from "../steps/paths.ts";
import { InvalidInputError } from "../tasks/invalid-input.ts";

const formats: readonly OutputFormat[] = ["Markdown", "MDX", "AsciiDoc"];

/** Which type of a given file stands in for which document of the repository. */
const documentOfType: Readonly<Partial<Record<MarkdownFile["fileType"], keyof DocumentPaths["documents"]>>> = {
  task: "task",
  prompt: "prompt",
  "acceptance-criteria": "acceptanceCriteria",
};

/** The files given in the run's object, in its order. */
export async function givenFiles(inputs: ImplementationRunInputs, paths: Paths): Promise<MarkdownFile[]> {
  return await Promise.all(
    inputs.markdownFiles.map(async ({ filename, fileType, key }) => {
      const content = await readOptional(join(paths.inputs, key));
      if (content === undefined)
        throw new InvalidInputError(`The content of markdownFile ${filename} is not in the run's ConfigMap.`);
      return { filename, fileType, content };
    }),
  );
}

/** Paths of the repository's documents of the task, of those types that the run's object does not give itself. */
export async function repositoryDocuments(inputs: ImplementationRunInputs, paths: Paths): Promise<string[]> {
  const given = new Set(inputs.markdownFiles.map(({ fileType }) => documentOfType[fileType]));
  const candidates = formats.flatMap((format) => {
    const { documents } = documentPaths({ workingDirectory: inputs.workingDirectory, taskId: inputs.taskId, format });
    return [documents.task, documents.prompt, documents.acceptanceCriteria].filter(
      (_path, index) => !given.has((["task", "prompt", "acceptanceCriteria"] as const)[index]),
    );
  });
  const present = await Promise.all(candidates.map((path) => readOptional(join(paths.repository, path))));
  return candidates.filter((_path, index) => present[index] !== undefined);
}
