import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Reason, Verdict } from "@orchestrator/core/pure";
import type { SessionRecord } from "../steps/step-files.ts";
import { runSession, type SessionOptions, type StopReason } from "./run-session.ts";
import { settleDocuments } from "./settle-documents.ts";
import { turnsLeft } from "./turns-left.ts";
import { tellFailure, type FailedCommand, mendPrompt, runCommands } from "./verify-commands.ts";

export interface TaskOptions extends Omit<SessionOptions, "maxTurns"> {
  /** Turns that other sessions of this attempt have taken so far. */
  turnsTaken: number;
}

/** How often a session is sent back to work by a verification that fails. */
const mendLimit = 3;

/** The session was ended by what the round's budget gives, not by its own work. */
const limits: ReadonlySet<Reason> = new Set(["BudgetExceeded", "MaxTurnsReached"]);

/** Runs the session of one task and checks what it left: documents are settled, an implementation is verified. */
export async function workOnTask(options: TaskOptions): Promise<SessionRecord> {
  const { inputs, session, step } = options;
  const record = await runSession({ ...options, maxTurns: atLeastOne(turnsLeft(inputs, options.turnsTaken)) });
  if (inputs.kind === "DocsGenerationRun") return await settleDocuments(record, { inputs, session, paths: step.paths });
  return await verified(record, inputs.verify, options);
}

/** The record of work that passes the commands, or of why it does not; a failure goes back to the same session. */
async function verified(
  first: SessionRecord,
  commands: readonly string[],
  options: TaskOptions,
): Promise<SessionRecord> {
  let record = first;
  let failure: FailedCommand | undefined;
  for (let mends = 0; record.verdict === undefined && !record.interrupted; mends += 1) {
    failure = await check(commands, options);
    const stopped = options.signal.aborted ? (options.signal.reason as StopReason) : undefined;
    if (stopped !== undefined) return stoppedWhile(record, stopped);
    if (failure === undefined) return record;
    const left = turnsLeft(options.inputs, options.turnsTaken + record.turns);
    if (mends === mendLimit || (left !== undefined && left <= 0))
      return { ...record, verdict: verificationFailed(failure) };
    record = await mend(record, failure, left, options);
  }
  const { verdict } = record;
  if (failure === undefined || verdict === undefined || !limits.has(verdict.reason)) return record;
  return { ...record, verdict: verificationFailed(failure) };
}

async function check(commands: readonly string[], options: TaskOptions): Promise<FailedCommand | undefined> {
  const { step, signal, progress } = options;
  if (commands.length === 0) return undefined;
  progress({ step: "verify", message: "Runs the commands of spec.verify" });
  const failure = await runCommands({ commands, env: step.env, directory: step.paths.repository, signal });
  if (failure !== undefined) progress({ step: "verify", message: tellFailure(failure) });
  return failure;
}

async function mend(
  record: SessionRecord,
  failure: FailedCommand,
  maxTurns: number | undefined,
  options: TaskOptions,
): Promise<SessionRecord> {
  const promptFile = join(options.step.paths.steps, `mend-${record.taskId}.md`);
  await writeFile(promptFile, mendPrompt(failure));
  const session = { ...options.session, promptFile, resume: record.sessionId };
  const next = await runSession({ ...options, session, maxTurns });
  return { ...next, turns: record.turns + next.turns };
}

function verificationFailed(failure: FailedCommand): Verdict {
  return { reason: "VerificationFailed", message: tellFailure(failure) };
}

function stoppedWhile(record: SessionRecord, reason: StopReason): SessionRecord {
  return reason.type === "verdict" ? { ...record, verdict: reason.verdict } : { ...record, interrupted: true };
}

function atLeastOne(turns: number | undefined): number | undefined {
  // The agent takes no less; what is too much the gateway refuses.
  return turns === undefined ? undefined : Math.max(1, turns);
}
