import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type DocsRunInputs, type ImplementationRunInputs, inputFiles, type RunInputs } from "@orchestrator/core/pure";
import { isCurrent } from "../documents/completeness.ts";
import { possibleDocumentPaths } from "../documents/document-paths.ts";
import { readOptional, readOptionalBytes } from "../steps/optional-file.ts";
import type { Paths } from "../steps/paths.ts";
import type { Plan, PlannedSession } from "../steps/step-files.ts";
import { InvalidInputError } from "../tasks/invalid-input.ts";
import { parseTasks, tasksFile } from "../tasks/parse-tasks.ts";
import { selectTask, selectTasks } from "../tasks/select-tasks.ts";
import type { Task } from "../tasks/task.ts";
import { taskHash } from "../tasks/task-hash.ts";
import { composePrompt, type PromptParts } from "./compose-prompt.ts";
import { givenFiles, repositoryDocuments } from "./context-documents.ts";
import { requirePlainPaths } from "./require-plain-paths.ts";

/**
 * Reads the backlog of the work tree and lays out one session for each task that needs one.
 *
 * @throws InvalidInputError where the backlog is missing or damaged, or lacks a task that is asked for
 */
export async function makePlan(inputs: RunInputs, paths: Paths): Promise<Pick<Plan, "sessions" | "upToDate">> {
  const tasks = await readTasks(inputs, paths);
  const instructions = await readFile(join(paths.inputs, inputFiles.prompt), "utf8");
  switch (inputs.kind) {
    case "DocsGenerationRun":
      return await planDocs(inputs, tasks, instructions, paths);
    case "TaskImplementationRun":
      return await planImplementation(inputs, tasks, instructions, paths);
  }
}

async function readTasks(inputs: RunInputs, paths: Paths): Promise<Task[]> {
  const file = tasksFile(inputs.workingDirectory);
  await requirePlainPaths(paths.repository, [file]);
  const bytes = await readOptionalBytes(join(paths.repository, file));
  if (bytes === undefined) {
    throw new InvalidInputError(
      `There is no ${file} on branch ${inputs.repository.branch} of ${inputs.repository.url}. Set spec.workingDirectory to the folder that holds .taskmaster.`,
    );
  }
  return parseTasks(bytes, { tag: inputs.tag, file });
}

async function planDocs(
  inputs: DocsRunInputs,
  tasks: readonly Task[],
  instructions: string,
  paths: Paths,
): Promise<Pick<Plan, "sessions" | "upToDate">> {
  const { workingDirectory, outputFormat: format } = inputs;
  const readFromTree = (path: string): Promise<string | undefined> => readOptional(join(paths.repository, path));
  const sessions: PlannedSession[] = [];
  const upToDate: number[] = [];
  for (const task of selectTasks(tasks, inputs.targetTasks)) {
    await requirePlainPaths(paths.repository, possibleDocumentPaths({ workingDirectory, taskId: task.id }));
    const asked = { id: task.id, hash: taskHash(task) };
    if (!inputs.force && (await isCurrent(asked, { workingDirectory, format, readFile: readFromTree }))) {
      upToDate.push(task.id);
      continue;
    }
    await removeDocuments(inputs, task.id, paths);
    sessions.push(await planSession({ inputs, instructions, task, given: [], documents: [] }, paths));
  }
  return { sessions, upToDate };
}

/** Documents of an older text of the task would pass for the session's own; Git still has them. */
async function removeDocuments({ workingDirectory }: DocsRunInputs, taskId: number, paths: Paths): Promise<void> {
  for (const path of possibleDocumentPaths({ workingDirectory, taskId })) {
    await rm(join(paths.repository, path), { force: true });
  }
}

async function planImplementation(
  inputs: ImplementationRunInputs,
  tasks: readonly Task[],
  instructions: string,
  paths: Paths,
): Promise<Pick<Plan, "sessions" | "upToDate">> {
  const task = selectTask(tasks, inputs.taskId);
  const given = await givenFiles(inputs, paths);
  const documents = await repositoryDocuments(inputs, paths);
  return { sessions: [await planSession({ inputs, instructions, task, given, documents }, paths)], upToDate: [] };
}

async function planSession(parts: PromptParts, paths: Paths): Promise<PlannedSession> {
  const { task } = parts;
  const promptFile = join(paths.steps, `prompt-${task.id}.md`);
  await mkdir(paths.steps, { recursive: true });
  await writeFile(promptFile, composePrompt(parts));
  return { taskId: task.id, title: task.title, hash: taskHash(task), promptFile };
}
