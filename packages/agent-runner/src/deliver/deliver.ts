import type { Verdict } from "@orchestrator/core/pure";
import { GitFailed } from "../gateway/git/git.ts";
import { gitWords } from "../gateway/git/remote-failure.ts";
import { RunFailure, verdictOf } from "../steps/run-failure.ts";
import { openDoor, requestDelivery } from "../steps/gateway-client.ts";
import { handIn } from "../steps/hand-in.ts";
import { progressOf } from "../steps/progress.ts";
import { Repository } from "../steps/repository.ts";
import {
  type DeliveryAnswer,
  leaveVerdict,
  needStepFile,
  readInputs,
  readStepFile,
  stepFiles,
  type Verification,
  writeStepFile,
} from "../steps/step-files.ts";
import { type Step, type StepOptions, withDefaults } from "../steps/step-options.ts";
import { type CommitOptions, commitWork } from "./commit-work.ts";
import { describeDelivery } from "./describe-delivery.ts";

/**
 * Commits what is complete, pushes it to the gateway and asks it to deliver. Complete documents are handed in even
 * where others failed. Resolves to 0 when everything asked for was delivered, else to 1; why is the gateway's to tell.
 */
export async function deliver(options: StepOptions): Promise<number> {
  const step = withDefaults(options);
  const verification = await readStepFile(step.paths, stepFiles.verification);
  const verdict = await readStepFile(step.paths, stepFiles.verdict);
  if (verification === undefined || !isWorthDelivering(verification, verdict)) return 1;
  try {
    const { commit, answer } = await deliverWork(step, verification);
    await writeStepFile(step.paths, stepFiles.delivery, answer);
    if (!isComplete(answer)) await keepRest(step, commit);
    progressOf(step)({ step: "deliver", message: describeAnswer(answer) });
    return isComplete(answer) ? 0 : 1;
  } catch (error) {
    const ending = verdictOf(error);
    if (ending === undefined) throw error;
    await leaveVerdict(step.paths, ending);
    return 1;
  }
}

/**
 * Without anything complete the gateway is asked only where the lack of documents is all there is to tell: its answer
 * then counts the tasks.
 */
function isWorthDelivering({ complete }: Verification, verdict: Verdict | undefined): boolean {
  return complete.length > 0 || verdict === undefined || verdict.reason === "IncompleteDocs";
}

async function deliverWork(
  step: Step,
  verification: Verification,
): Promise<{ commit: string; answer: DeliveryAnswer }> {
  const { paths } = step;
  const inputs = await readInputs(paths);
  const plan = await needStepFile(paths, stepFiles.plan);
  const text = describeDelivery(inputs, plan, verification);
  const commit = await commitOf({
    step,
    inputs,
    parent: plan.startCommit,
    tasks: verification.complete,
    message: `${text.title}\n\n${text.body}`,
  });
  await push(step, commit, inputs.branch);
  return { commit, answer: await requestDelivery(step, text) };
}

async function commitOf(options: CommitOptions): Promise<string> {
  try {
    return await commitWork(options);
  } catch (error) {
    if (!(error instanceof GitFailed)) throw error;
    const message = `The work could not be committed: git ${error.command} failed: ${gitWords(error.stderr)}`;
    throw new RunFailure("AgentError", message, { cause: error });
  }
}

/** What is not delivered is kept on top of what is, for a next attempt. */
async function keepRest(step: Step, commit: string): Promise<void> {
  const { paths } = step;
  const plan = await needStepFile(paths, stepFiles.plan);
  if (plan.sessions.length === 0) return;
  const records = (await readStepFile(paths, stepFiles.sessions)) ?? [];
  const complete = new Set((await readStepFile(paths, stepFiles.verification))?.complete);
  const inputs = await readInputs(paths);
  const docs = inputs.kind === "DocsGenerationRun";
  const open = records.filter(({ taskId }) => !docs || !complete.has(taskId));
  await handIn({
    step,
    inputs,
    plan,
    parent: commit,
    sessions: new Set(open.map(({ sessionId }) => sessionId)),
    signal: step.signal,
  });
}

async function push(step: Step, commit: string, branch: string): Promise<void> {
  const door = await openDoor(step);
  const repository = new Repository({ ...step, directory: step.paths.repository, door });
  try {
    await repository.git(["push", "--quiet", "origin", `${commit}:refs/heads/${branch}`]);
  } catch (error) {
    if (!(error instanceof GitFailed)) throw error;
    const message = `The pod's gateway refused the push: ${error.stderr.trim()}`;
    throw new RunFailure("PushRejected", message, { cause: error });
  }
}

function isComplete(answer: DeliveryAnswer): boolean {
  if (!("delivery" in answer)) return false;
  return answer.delivery.outcome === "Delivered" || answer.delivery.outcome === "UpToDate";
}

function describeAnswer(answer: DeliveryAnswer): string {
  if ("verdict" in answer) return `${answer.verdict.reason}: ${answer.verdict.message}`;
  const where = answer.delivery.result?.pullRequest?.url;
  return where === undefined ? answer.delivery.outcome : `${answer.delivery.outcome}: ${where}`;
}
