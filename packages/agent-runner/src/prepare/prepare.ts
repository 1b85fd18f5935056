import { rm, writeFile } from "node:fs/promises";
import { formatTaskRanges, type PrepareMessage, terminationMessageLimit, type Verdict } from "@orchestrator/core/pure";
import { verdictOf } from "../steps/run-failure.ts";
import { awaitRepository, fetchResume, openDoor, type Resume } from "../steps/gateway-client.ts";
import { progressOf } from "../steps/progress.ts";
import { type Plan, readInputs, stepFiles, writeStepFile } from "../steps/step-files.ts";
import { type Step, type StepOptions, withDefaults } from "../steps/step-options.ts";
import { cutBytes } from "../steps/cut-bytes.ts";
import { layOutHome } from "./lay-out-home.ts";
import { layOutTranscripts } from "./lay-out-transcripts.ts";
import { makePlan } from "./make-plan.ts";
import { makeWorkTree } from "./make-work-tree.ts";

/**
 * Waits for the gateway, clones from it, makes the run's branch, and lays out what the agent's container works from.
 * Ends the pod, with its reason in the termination message, where the run cannot be worked on.
 */
export async function prepare(options: StepOptions): Promise<number> {
  const step = withDefaults(options);
  try {
    await prepareWork(step);
    return 0;
  } catch (error) {
    const verdict = verdictOf(error);
    if (verdict === undefined) throw error;
    await writeFile(step.paths.terminationMessage, formatMessage(verdict));
    step.stderr.write(`${verdict.reason}: ${verdict.message}\n`);
    return 1;
  }
}

async function prepareWork(step: Step): Promise<void> {
  const progress = progressOf(step);
  const inputs = await readInputs(step.paths);
  await rm(step.paths.steps, { recursive: true, force: true });
  const { baseCommit, delivered } = await awaitRepository(step);
  const resume: Resume = delivered ? { state: "none" } : await fetchResume(step);
  const work = resume.state === "found" ? resume.commit : undefined;
  const startCommit = await makeWorkTree(step, { inputs, door: await openDoor(step), baseCommit, work });
  await layOutHome(step.paths);
  const sessions = await layOutTranscripts(resume, inputs, step.paths);
  const plan = delivered ? nothing : await makePlan({ inputs, paths: step.paths, resume, sessions });
  await writeStepFile(step.paths, stepFiles.plan, { startCommit, ...plan });
  const ready = plan.upToDate.length + plan.done.length;
  progress({
    step: "run",
    message: delivered ? "An earlier attempt has delivered everything" : planMessage(plan),
    tasksDone: ready,
    tasksTotal: ready + plan.sessions.length,
  });
}

const nothing = { sessions: [], upToDate: [], done: [] };

function planMessage(plan: Pick<Plan, "sessions" | "upToDate" | "done">): string {
  const work = formatTaskRanges(plan.sessions.map(({ taskId }) => taskId));
  const done = formatTaskRanges(plan.done.map(({ taskId }) => taskId));
  const sentences = [
    work === "" ? "Nothing to be done" : `To be done: ${work}`,
    ...(done === "" ? [] : [`done by an earlier attempt: ${done}`]),
    ...(plan.upToDate.length === 0 ? [] : [`up to date: ${formatTaskRanges(plan.upToDate)}`]),
  ];
  return sentences.join("; ");
}

function formatMessage(verdict: Verdict): string {
  const empty: PrepareMessage = { version: 1, verdict: { ...verdict, message: "" } };
  const room = terminationMessageLimit - JSON.stringify(empty).length;
  return JSON.stringify({ ...empty, verdict: { ...verdict, message: cutBytes(verdict.message, room) } });
}
