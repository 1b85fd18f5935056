import { join } from "node:path";
import { parseArgs } from "node:util";
import type { DocsRunInputs, Verdict } from "@orchestrator/core/pure";
import { completeness, describeProblems, type DocumentProblem } from "../documents/completeness.ts";
import { submoduleMode, submodulePaths } from "../gateway/judge/submodules.ts";
import { sessionsVerdict } from "../run/sessions-verdict.ts";
import { readOptional } from "../steps/optional-file.ts";
import { progressOf } from "../steps/progress.ts";
import { Repository } from "../steps/repository.ts";
import {
  leaveVerdict,
  needStepFile,
  readInputs,
  type SessionRecord,
  stepFiles,
  writeStepFile,
} from "../steps/step-files.ts";
import { type Step, type StepOptions, withDefaults } from "../steps/step-options.ts";

/** Exit code by which a hook keeps the agent going and tells it stderr. */
const goOn = 2;

/**
 * Checks what the sessions left: for documents, that those of each task are complete; for an implementation, that
 * something has changed, and that all of it would be delivered. Resolves to 0 when all is there, else to 1.
 *
 * With `--task N` it is a stop hook's check of one task's documents: 2 and what is wrong on stderr, else 0.
 */
export async function verify(options: StepOptions): Promise<number> {
  const step = withDefaults(options);
  const { values } = parseArgs({ args: [...step.argv], options: { task: { type: "string" } } });
  if (values.task !== undefined) return await checkTask(step, Number(values.task));
  const records = (await checkSessions(step)).toSorted((a, b) => a.taskId - b.taskId);
  const failed = records.flatMap(({ taskId, verdict }) => (verdict === undefined ? [] : [{ taskId, verdict }]));
  const succeeded = records.filter(({ verdict, interrupted }) => verdict === undefined && !interrupted);
  const { done } = await needStepFile(step.paths, stepFiles.plan);
  // An earlier attempt's documents belong to what is handed in as much as those of this one.
  const complete = [...done, ...succeeded].map(({ taskId }) => taskId).toSorted((a, b) => a - b);
  await writeStepFile(step.paths, stepFiles.verification, { complete, failed });
  const verdict = sessionsVerdict(records);
  if (verdict !== undefined) await leaveVerdict(step.paths, verdict);
  progressOf(step)({
    step: "verify",
    message: verdict === undefined ? "The work is complete" : `${verdict.reason}: ${verdict.message}`,
  });
  return verdict === undefined ? 0 : 1;
}

async function checkTask(step: Step, taskId: number): Promise<number> {
  const inputs = await readInputs(step.paths);
  if (inputs.kind !== "DocsGenerationRun") return 0;
  const problems = await findProblems(step, inputs, taskId);
  if (problems.length === 0) return 0;
  const list = problems.map(({ path, problem }) => `- ${path}: ${problem}`).join("\n");
  step.stderr.write(`The documents of task ${taskId} are not complete. Mend them before you stop:\n${list}\n`);
  return goOn;
}

/** The sessions' records, with a verdict for those whose work turns out not to be there. */
async function checkSessions(step: Step): Promise<SessionRecord[]> {
  const inputs = await readInputs(step.paths);
  const records = await needStepFile(step.paths, stepFiles.sessions);
  return await Promise.all(
    records.map(async (record) => {
      if (record.verdict !== undefined || record.interrupted) return record;
      const verdict =
        inputs.kind === "DocsGenerationRun" ? await checkDocs(step, inputs, record.taskId) : await checkChanges(step);
      return verdict === undefined ? record : { ...record, verdict };
    }),
  );
}

async function checkDocs(step: Step, inputs: DocsRunInputs, taskId: number): Promise<Verdict | undefined> {
  const problems = await findProblems(step, inputs, taskId);
  return problems.length === 0 ? undefined : { reason: "IncompleteDocs", message: describeProblems(problems) };
}

async function findProblems({ paths }: Step, inputs: DocsRunInputs, taskId: number): Promise<DocumentProblem[]> {
  return await completeness(taskId, {
    workingDirectory: inputs.workingDirectory,
    format: inputs.outputFormat,
    readFile: (path) => readOptional(join(paths.repository, path)),
  });
}

async function checkChanges(step: Step): Promise<Verdict | undefined> {
  const { startCommit } = await needStepFile(step.paths, stepFiles.plan);
  const repository = new Repository({ ...step, directory: step.paths.repository });
  const [nested] = await nestedRepositories(step, repository, startCommit);
  if (nested !== undefined) {
    const text = `${nested} is a Git repository of its own, whose files would not be delivered: remove ${nested}/.git to make them part of the work`;
    return { reason: "AgentError", message: text };
  }
  const pending = await repository.git(["status", "--porcelain"]);
  if (pending !== "" || !(await repository.tells(["diff", "--quiet", startCommit, "HEAD"]))) return undefined;
  const message = `The agent ended and had changed nothing${describeIgnored(await ignoredFiles(repository))}`;
  return { reason: "NothingDelivered", message };
}

/** Folders that Git would take up as submodules, though nothing says that they are. */
async function nestedRepositories({ paths }: Step, repository: Repository, startCommit: string): Promise<string[]> {
  const list = async (...args: string[]): Promise<string[]> => (await repository.git(args)).split("\0");
  const untracked = await list("ls-files", "-z", "--others", "--exclude-standard");
  const found = [
    // Of other folders the files are listed.
    ...untracked.flatMap((path) => (path.endsWith("/") ? [path.slice(0, -1)] : [])),
    ...submodulesIn(await list("ls-files", "-z", "--stage")),
  ];
  if (found.length === 0) return [];
  const before = new Set(submodulesIn(await list("ls-tree", "-r", "-z", startCommit)));
  const named = submodulePaths((await readOptional(join(paths.repository, ".gitmodules"))) ?? "");
  return found.filter((path) => !before.has(path) && !named.has(path));
}

/** Of entries as Git lists them: mode first, path behind a tab. */
function submodulesIn(entries: readonly string[]): string[] {
  return entries.flatMap((entry) =>
    entry.startsWith(`${submoduleMode} `) ? [entry.slice(entry.indexOf("\t") + 1)] : [],
  );
}

const shownFiles = 5;

/** Files that are there and that Git is told not to see; a folder counts as one. */
async function ignoredFiles(repository: Repository): Promise<string[]> {
  const listed = await repository.git(["status", "--porcelain", "-z", "--ignored"]);
  return listed.split("\0").flatMap((line) => (line.startsWith("!! ") ? [line.slice(3)] : []));
}

function describeIgnored(files: readonly string[]): string {
  if (files.length === 0) return "";
  const more = files.length > shownFiles ? ` and ${files.length - shownFiles} more` : "";
  return ` but files that .gitignore names: ${files.slice(0, shownFiles).join(", ")}${more}`;
}
