import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type DocsRunInputs, type ImplementationRunInputs, inputFiles, type RunInputs } from "@orchestrator/core/pure";
import { isCurrent } from "../documents/completeness.ts";
import { documentPaths, possibleDocumentPaths } from "../documents/document-paths.ts";
import { readSource } from "../documents/source.ts";
import { sessionId } from "../run/session-id.ts";
import type { Resume } from "../steps/gateway-client.ts";
import { readOptional, readOptionalBytes } from "../steps/optional-file.ts";
import type { Paths } from "../steps/paths.ts";
import type { Plan, PlannedSession } from "../steps/step-files.ts";
import { staysInWorkspace } from "../steps/upstream.ts";
import { InvalidInputError } from "../tasks/invalid-input.ts";
import { parseTasks, tasksFile } from "../tasks/parse-tasks.ts";
import { selectTask, selectTasks } from "../tasks/select-tasks.ts";
import type { Task } from "../tasks/task.ts";
import { taskHash } from "../tasks/task-hash.ts";
import { taskOfFile } from "../tasks/task-of-file.ts";
import { composePrompt, type PromptParts } from "./compose-prompt.ts";
import { givenFiles, repositoryDocuments } from "./context-documents.ts";
import { earlierWork, resumePrompt } from "./resume-prompt.ts";
import { requirePlainPaths } from "./require-plain-paths.ts";

export interface PlanOptions {
  inputs: RunInputs;
  paths: Paths;
  /** What the work tree was laid out from. */
  resume: Resume;
  /** Sessions that can be continued. */
  sessions: ReadonlySet<string>;
}

type Planned = Pick<Plan, "sessions" | "upToDate" | "done">;

/**
 * Reads the backlog of the work tree and lays out one session for each task that needs one.
 *
 * @throws InvalidInputError where the backlog is missing or damaged, or lacks a task that is asked for
 */
export async function makePlan(options: PlanOptions): Promise<Planned> {
  const { inputs, paths } = options;
  const instructions = await readFile(join(paths.inputs, inputFiles.prompt), "utf8");
  switch (inputs.kind) {
    case "DocsGenerationRun":
      return await planDocs(inputs, await readTasks(inputs, paths), instructions, options);
    case "TaskImplementationRun":
      return await planImplementation(inputs, await askedFor(inputs, paths), instructions, options);
  }
}

async function readTasks(inputs: RunInputs, paths: Paths): Promise<Task[]> {
  const file = tasksFile(inputs.workingDirectory);
  await requirePlainPaths(paths.repository, [file]);
  const bytes = await readOptionalBytes(join(paths.repository, file));
  if (bytes === undefined) {
    throw new InvalidInputError(
      `There is no ${file} on branch ${inputs.repository.branch} of ${inputs.repository.url} (spec.workingDirectory is the folder that holds .taskmaster)`,
    );
  }
  return parseTasks(bytes, { tag: inputs.tag, file });
}

async function planDocs(
  inputs: DocsRunInputs,
  tasks: readonly Task[],
  instructions: string,
  options: PlanOptions,
): Promise<Planned> {
  const { paths, resume } = options;
  const planned: Planned = { sessions: [], upToDate: [], done: [] };
  for (const task of selectTasks(tasks, inputs.targetTasks)) {
    await requirePlainPaths(
      paths.repository,
      possibleDocumentPaths({ workingDirectory: inputs.workingDirectory, taskId: task.id }),
    );
    const found = await documentsFound(inputs, task, paths);
    if (found === "own") {
      planned.done.push({ taskId: task.id, title: task.title });
    } else if (found === "current" && !inputs.force) {
      planned.upToDate.push(task.id);
    } else {
      // What an attempt before this one has begun is left to be completed.
      if (resume.state === "none") await removeDocuments(inputs, task.id, paths);
      planned.sessions.push(await planSession({ inputs, instructions, task, given: [], documents: [] }, options));
    }
  }
  return planned;
}

/** Whether the documents of a task are right as they are, and whether this run has written them. */
async function documentsFound(inputs: DocsRunInputs, task: Task, paths: Paths): Promise<"own" | "current" | undefined> {
  const { workingDirectory, outputFormat: format } = inputs;
  const readFromTree = (path: string): Promise<string | undefined> => readOptional(join(paths.repository, path));
  const asked = { id: task.id, hash: taskHash(task) };
  if (!(await isCurrent(asked, { workingDirectory, format, readFile: readFromTree }))) return undefined;
  const source = await readFromTree(documentPaths({ workingDirectory, format, taskId: task.id }).source);
  return readSource(source ?? "")?.run === inputs.uid ? "own" : "current";
}

/** Documents of an older text of the task would pass for the session's own; Git still has them. */
async function removeDocuments({ workingDirectory }: DocsRunInputs, taskId: number, paths: Paths): Promise<void> {
  for (const path of possibleDocumentPaths({ workingDirectory, taskId })) {
    await rm(join(paths.repository, path), { force: true });
  }
}

/** The task, and the files given beside it. Work that has no backlog has its task in the first file of that type. */
async function askedFor(inputs: ImplementationRunInputs, paths: Paths): Promise<Pick<PromptParts, "task" | "given">> {
  const given = await givenFiles(inputs, paths);
  if (!staysInWorkspace(inputs)) return { task: selectTask(await readTasks(inputs, paths), inputs.taskId), given };
  const file = given.find(({ fileType }) => fileType === "task");
  if (file === undefined) {
    throw new InvalidInputError(
      "Without a repository there has to be a markdownFile of type task in spec.markdownFiles.",
    );
  }
  return { task: taskOfFile(inputs.taskId, file.content), given: given.filter((other) => other !== file) };
}

async function planImplementation(
  inputs: ImplementationRunInputs,
  { task, given }: Pick<PromptParts, "task" | "given">,
  instructions: string,
  options: PlanOptions,
): Promise<Planned> {
  const documents = await repositoryDocuments(inputs, options.paths);
  const session = await planSession({ inputs, instructions, task, given, documents }, options);
  return { sessions: [session], upToDate: [], done: [] };
}

async function planSession(parts: PromptParts, options: PlanOptions): Promise<PlannedSession> {
  const { task } = parts;
  const { paths } = options;
  const promptFile = join(paths.steps, `prompt-${task.id}.md`);
  const resume = earlierSession(task.id, options);
  await mkdir(paths.steps, { recursive: true });
  await writeFile(promptFile, promptText(parts, resume !== undefined, options));
  return { taskId: task.id, title: task.title, hash: taskHash(task), promptFile, ...(resume && { resume }) };
}

/** The newest session of a task that can be continued. */
function earlierSession(taskId: number, { inputs, sessions }: PlanOptions): string | undefined {
  const { uid: runUid } = inputs;
  const earlier = Array.from({ length: inputs.attempt - 1 }, (_, index) => inputs.attempt - 1 - index);
  return earlier.map((attempt) => sessionId({ runUid, attempt, taskId })).find((candidate) => sessions.has(candidate));
}

function promptText(parts: PromptParts, continued: boolean, { inputs, resume }: PlanOptions): string {
  // What was done in an earlier round the prompt tells anyway; its session has not been told what this one asks for.
  if (resume.state === "none" || resume.round !== inputs.round) return composePrompt(parts);
  const previous = inputs.resume?.previous;
  return continued ? resumePrompt(previous) : composePrompt({ ...parts, further: [earlierWork(previous)] });
}
