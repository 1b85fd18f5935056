import type { DocsRunInputs, RunInputs } from "@orchestrator/core/pure";
import { documentPaths } from "../../documents/document-paths.ts";
import { parseTasks, tasksFile } from "../../tasks/parse-tasks.ts";
import { selectTasks } from "../../tasks/select-tasks.ts";
import { taskHash } from "../../tasks/task-hash.ts";
import type { FileChange, Mirror } from "../mirror/mirror.ts";
import { RunFailure } from "../../steps/run-failure.ts";
import { checkChanges, checkSizes } from "./check-changes.ts";
import { findSecrets, type SecretFinding } from "./find-secrets.ts";
import type { TaskOutcomes } from "./judge-docs.ts";
import { submoduleMode, submodulePaths } from "./submodules.ts";

/** What the run's branch is worth. */
export interface Judgement {
  outcome: "Delivered" | "UpToDate" | "IncompleteDocs" | "NothingDelivered";
  /** Whether there is anything to push. */
  worthDelivering: boolean;
  filesChanged: number;
  tasks?: TaskOutcomes;
}

export interface JudgeOptions {
  inputs: RunInputs;
  mirror: Mirror;
  baseCommit: string;
  /** Where the run's branch stood when the attempt began; absent: there was none. */
  startCommit?: string | undefined;
  /** Newest commit of the run's branch, or `baseCommit` when nothing was pushed. */
  commit: string;
  /** Credentials that must not be in any commit. */
  secrets: readonly string[];
}

/**
 * Judges the run's branch by what is on it, not by what anybody says about it.
 *
 * @throws RunFailure DeliveryRefused, or InvalidInput when the tasks cannot be read
 */
export async function judge(options: JudgeOptions, signal: AbortSignal): Promise<Judgement> {
  const { inputs, mirror, baseCommit, commit } = options;
  const changes = await mirror.changes(baseCommit, commit, signal);
  checkChanges(inputs, changes, await secretsInCommits(options, signal));
  await checkSubmodules(options, changes, signal);
  const filesChanged = changes.length;
  if (inputs.kind === "TaskImplementationRun") {
    // What an earlier round has delivered does not count for this one.
    const something = filesChanged > 0 && (commit !== options.startCommit || (await hasOwnCommit(options, signal)));
    return { outcome: something ? "Delivered" : "NothingDelivered", worthDelivering: something, filesChanged };
  }
  // The parsers of documents are large, and other runs have no use for them.
  const { judgeDocs } = await import("./judge-docs.ts");
  const tasks = await judgeDocs({
    inputs,
    ...(await docsOnBranch(inputs, options, signal)),
    changed: new Set(changes.map(({ path }) => path)),
  });
  return { outcome: docsOutcome(tasks), worthDelivering: tasks.delivered.length > 0, filesChanged, tasks };
}

/**
 * A repository within the work tree is taken up by its commit alone: its files would be missing from what is delivered.
 *
 * @throws RunFailure DeliveryRefused, naming the folder
 */
async function checkSubmodules(
  { mirror, commit }: Pick<JudgeOptions, "mirror" | "commit">,
  changes: readonly FileChange[],
  signal: AbortSignal,
): Promise<void> {
  const added = changes.filter(({ kind, mode }) => kind === "added" && mode === submoduleMode);
  if (added.length === 0) return;
  const file = (await mirror.readFiles(commit, [".gitmodules"], signal)).get(".gitmodules");
  const known = submodulePaths(file?.toString("utf8") ?? "");
  const unknown = added.find(({ path }) => !known.has(path));
  if (unknown === undefined) return;
  const text = `${unknown.path} is a Git repository of its own and no submodule that .gitmodules names: its files would not be delivered`;
  throw new RunFailure("DeliveryRefused", text);
}

/** Whether the run itself has made a commit of the branch in its present round. */
export async function hasOwnCommit(
  { inputs, mirror, baseCommit, commit }: Pick<JudgeOptions, "inputs" | "mirror" | "baseCommit" | "commit">,
  signal: AbortSignal,
): Promise<boolean> {
  const origins = await mirror.origins(baseCommit, commit, signal);
  return origins.some(({ runUid, round }) => runUid === inputs.uid && round === inputs.round);
}

function docsOutcome({ delivered, failed }: TaskOutcomes): Judgement["outcome"] {
  if (failed.length > 0) return "IncompleteDocs";
  return delivered.length > 0 ? "Delivered" : "UpToDate";
}

/**
 * A secret or a large file that a later commit takes away again would still be pushed: every commit is looked at.
 *
 * @throws RunFailure DeliveryRefused where the commits do not begin at `baseCommit`
 */
export async function secretsInCommits(
  options: Omit<JudgeOptions, "inputs">,
  signal: AbortSignal,
): Promise<SecretFinding[]> {
  const { mirror, baseCommit, commit } = options;
  if (!(await mirror.descends(commit, baseCommit, signal))) {
    throw new RunFailure(
      "DeliveryRefused",
      `the run's branch does not begin at ${baseCommit}, the commit it was given`,
    );
  }
  const findings: SecretFinding[] = [];
  for (const one of await mirror.commitsBetween(baseCommit, commit, signal)) {
    findings.push(...(await secretsOf({ mirror, commit: one, secrets: options.secrets }, signal)));
  }
  return findings;
}

/**
 * Looks at what differs from every parent of a commit: what a merge has from one of them is either upstream's already, or
 * was looked at in the commits that it comes from.
 *
 * @throws RunFailure DeliveryRefused where a file is too large
 */
async function secretsOf(
  { mirror, commit, secrets }: Pick<JudgeOptions, "mirror" | "commit" | "secrets">,
  signal: AbortSignal,
): Promise<SecretFinding[]> {
  const differences: { changes: FileChange[]; findings: SecretFinding[] }[] = [];
  for (const parent of await mirror.parents(commit, signal)) {
    const changes = await mirror.changes(parent, commit, signal);
    const paths = changes.map(({ path }) => path);
    differences.push({ changes, findings: findSecrets(await mirror.patch(parent, commit, signal), paths, secrets) });
  }
  checkSizes(
    inAll(
      differences.map(({ changes }) => changes),
      ({ path }) => path,
    ),
  );
  return inAll(
    differences.map(({ findings }) => findings),
    ({ path, line }) => `${line}:${path}`,
  );
}

/** Those of the first list that are in every other, too. */
function inAll<T>([first = [], ...others]: readonly T[][], keyOf: (item: T) => string): T[] {
  const known = others.map((items) => new Set(items.map(keyOf)));
  return first.filter((item) => known.every((keys) => keys.has(keyOf(item))));
}

async function docsOnBranch(inputs: DocsRunInputs, options: JudgeOptions, signal: AbortSignal) {
  const file = tasksFile(inputs.workingDirectory);
  const bytes = (await options.mirror.readFiles(options.baseCommit, [file], signal)).get(file);
  const tasks = readTasks(inputs, file, bytes).map((task) => ({ id: task.id, hash: taskHash(task) }));
  const { workingDirectory, outputFormat: format } = inputs;
  const paths = tasks.flatMap(({ id }) => {
    const { documents, source } = documentPaths({ workingDirectory, format, taskId: id });
    return [...Object.values(documents), source];
  });
  const files = await options.mirror.readFiles(options.commit, paths, signal);
  return { tasks, readFile: async (path: string) => files.get(path)?.toString("utf8") };
}

function readTasks(inputs: DocsRunInputs, file: string, bytes: Buffer | undefined) {
  if (bytes === undefined) throw new RunFailure("InvalidInput", `${file} does not exist in the repository`);
  return selectTasks(parseTasks(bytes, { tag: inputs.tag, file }), inputs.targetTasks);
}
