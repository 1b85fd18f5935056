import { z } from "zod";
import { outputFormat } from "../api/docs-generation-run.ts";

/** The task as the agent reads it. Text fields are those of the Task Master file, absent where the file has none. */
const task = z.object({
  id: z.int(),
  title: z.string(),
  description: z.string().optional(),
  details: z.string().optional(),
  testStrategy: z.string().optional(),
});

/** A path relative to the repository's root, which is where the session works, with `/` between its parts. */
const repositoryPath = z.string().min(1);

/** What one session is asked for, in a form that programs read as surely as the agent does. */
export const taskBlock = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("DocsGenerationRun"),
    task,
    /** Where each document has to be written. */
    files: z.object({ task: repositoryPath, prompt: repositoryPath, acceptanceCriteria: repositoryPath }),
    format: outputFormat,
  }),
  z.object({
    kind: z.literal("TaskImplementationRun"),
    task,
    serviceName: z.string(),
    workingDirectory: repositoryPath,
    /** Documents that describe the task, to be read first. */
    documents: z.array(z.string()),
  }),
]);
export type TaskBlock = z.infer<typeof taskBlock>;

const opening = "```json orchestrator-task\n";
const closing = "\n```";

/** The block as Markdown. JSON holds no raw line break inside a string, so no text of a task can close the fence. */
export function formatTaskBlock(block: TaskBlock): string {
  return `${opening}${JSON.stringify(block, undefined, 2)}${closing}`;
}

/**
 * The last block of a prompt; undefined where it does not fit the schema or there is none. The runner's block comes
 * last, so that no document quoted before it can stand in its place.
 */
export function readTaskBlock(prompt: string): TaskBlock | undefined {
  const [, ...blocks] = `\n${prompt}`.split(`\n${opening}`);
  const json = blocks.at(-1)?.split(closing)[0];
  return json === undefined ? undefined : taskBlock.safeParse(parseJson(json)).data;
}

/** Undefined, which is no block either, for text that is not JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
