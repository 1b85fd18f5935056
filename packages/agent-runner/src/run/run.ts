import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type ClaudeSettings, claudeSettings, type Reason, type RunInputs } from "@orchestrator/core/pure";
import { EndingError, verdictOf } from "../steps/ending-error.ts";
import { openDoor } from "../steps/gateway-client.ts";
import { type Progress, progressOf } from "../steps/progress.ts";
import {
  leaveVerdict,
  needStepFile,
  type Plan,
  type PlannedSession,
  readInputs,
  type SessionRecord,
  stepFiles,
  writeStepFile,
} from "../steps/step-files.ts";
import { type Step, type StepOptions, withDefaults } from "../steps/step-options.ts";
import { runSession, type SessionOptions, type StopReason } from "./run-session.ts";
import { sessionId } from "./session-id.ts";
import { sessionsVerdict } from "./sessions-verdict.ts";
import { settleDocuments } from "./settle-documents.ts";

/** Exit code of a program that ended by SIGTERM. */
const terminated = 143;

/** Milliseconds; a timer that is set for longer goes off at once. */
const longestTimer = 2 ** 31 - 1;

/** What the next session would meet as well. */
const hopeless: ReadonlySet<Reason> = new Set(["AgentMissing", "SettingsRejected", "ModelAuthFailed"]);

export interface RunOptions extends StepOptions, Pick<SessionOptions, "command" | "resultGraceMs"> {}

/**
 * Runs the planned agent sessions, `parallelism` at a time, within the attempt's time limit. Resolves to 0 when all
 * did their work, 143 when the pod was told to stop, 1 otherwise; how each session ended is left for the next steps.
 */
export async function run(options: RunOptions): Promise<number> {
  const step = withDefaults(options);
  const inputs = await readInputs(step.paths);
  const plan = await needStepFile(step.paths, stepFiles.plan);
  try {
    const settings = await readSettings(step);
    const sessions = new Sessions({ step, inputs, plan, settings, ...options });
    const records = await sessions.run();
    const verdict = sessionsVerdict(records);
    if (verdict !== undefined) await leaveVerdict(step.paths, verdict);
    if (step.signal.aborted) return terminated;
    return verdict === undefined ? 0 : 1;
  } catch (error) {
    const verdict = verdictOf(error);
    if (verdict === undefined) throw error;
    await leaveVerdict(step.paths, verdict);
    return 1;
  }
}

/** The file that the agent reads, checked: it says nothing itself when it cannot. */
async function readSettings({ paths }: Step): Promise<ClaudeSettings> {
  const text = await readFile(join(paths.claudeConfig, "settings.json"), "utf8");
  try {
    return claudeSettings.parse(JSON.parse(text));
  } catch (error) {
    const message = "The agent's settings.json in the attempt's ConfigMap is damaged";
    throw new EndingError({ reason: "SettingsRejected", message }, { cause: error });
  }
}

interface SessionsOptions extends Pick<SessionOptions, "command" | "resultGraceMs"> {
  step: Step;
  inputs: RunInputs;
  plan: Plan;
  settings: ClaudeSettings;
}

/** The sessions of one attempt: a few at once, all under one time limit. */
class Sessions {
  readonly #options: SessionsOptions;
  readonly #progress: Progress;
  readonly #halt = new AbortController();
  readonly #records: SessionRecord[] = [];
  #written: Promise<void> = Promise.resolve();

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#progress = progressOf(options.step);
  }

  async run(): Promise<readonly SessionRecord[]> {
    const { step, inputs, plan } = this.#options;
    await writeStepFile(step.paths, stepFiles.sessions, []);
    const interrupt = (): void => this.#stop({ type: "interrupted" });
    step.signal.addEventListener("abort", interrupt, { once: true });
    if (step.signal.aborted) interrupt();
    const timer = setTimeout(() => this.#stop(timedOut(inputs)), Math.min(inputs.timeoutSeconds * 1000, longestTimer));
    // All workers draw from one iterator, so each session is taken once.
    const queue = plan.sessions.values();
    const parallelism = inputs.kind === "DocsGenerationRun" ? inputs.parallelism : 1;
    const workers = Array.from({ length: parallelism }, () => this.#work(queue));
    try {
      await Promise.all(workers);
    } finally {
      // A defect in one worker does not leave the agents of the others behind.
      this.#stop({ type: "interrupted" });
      await Promise.allSettled(workers);
      clearTimeout(timer);
      step.signal.removeEventListener("abort", interrupt);
    }
    return this.#records;
  }

  async #work(queue: Iterable<PlannedSession>): Promise<void> {
    for (const session of queue) {
      const record = this.#halt.signal.aborted ? this.#unstarted(session) : await this.#runOne(session);
      await this.#keep(record);
      if (record.verdict !== undefined && hopeless.has(record.verdict.reason)) {
        this.#stop({ type: "verdict", verdict: record.verdict });
      }
    }
  }

  async #runOne(session: PlannedSession): Promise<SessionRecord> {
    const { step, inputs, settings, command, resultGraceMs } = this.#options;
    const record = await runSession({
      step,
      inputs,
      settings,
      session,
      door: await openDoor(step),
      signal: this.#halt.signal,
      progress: (line) => this.#progress({ ...line, task: session.taskId }),
      ...(command !== undefined && { command }),
      ...(resultGraceMs !== undefined && { resultGraceMs }),
    });
    if (inputs.kind !== "DocsGenerationRun") return record;
    return await settleDocuments(record, { inputs, session, paths: step.paths });
  }

  #unstarted({ taskId }: PlannedSession): SessionRecord {
    const { uid: runUid, attempt } = this.#options.inputs;
    const reason = this.#halt.signal.reason as StopReason;
    const none = { taskId, sessionId: sessionId({ runUid, attempt, taskId }), turns: 0 };
    if (reason.type === "verdict") return { ...none, interrupted: false, verdict: reason.verdict };
    return { ...none, interrupted: true };
  }

  async #keep(record: SessionRecord): Promise<void> {
    const { step, plan } = this.#options;
    this.#records.push(record);
    // One write at a time, each with all that is known by then.
    this.#written = this.#written.then(() =>
      writeStepFile(
        step.paths,
        stepFiles.sessions,
        this.#records.toSorted((a, b) => a.taskId - b.taskId),
      ),
    );
    await this.#written;
    const done = this.#records.filter(({ verdict, interrupted }) => verdict === undefined && !interrupted).length;
    const costs = this.#records.flatMap(({ costUsd }) => (costUsd === undefined ? [] : [costUsd]));
    this.#progress({
      step: "task",
      message: ending(record),
      task: record.taskId,
      turns: record.turns,
      tasksDone: plan.upToDate.length + done,
      tasksTotal: plan.upToDate.length + plan.sessions.length,
      ...(costs.length > 0 && { costUsd: costs.reduce((sum, cost) => sum + cost) }),
    });
  }

  #stop(reason: StopReason): void {
    if (!this.#halt.signal.aborted) this.#halt.abort(reason);
  }
}

function timedOut({ timeoutSeconds }: RunInputs): StopReason {
  const message = `The agent had not ended after ${timeoutSeconds} s. Raise spec.timeout, or make the task smaller.`;
  return { type: "verdict", verdict: { reason: "AgentTimedOut", message } };
}

function ending({ taskId, verdict, interrupted }: SessionRecord): string {
  if (interrupted) return `Task ${taskId} was interrupted`;
  return verdict === undefined
    ? `Task ${taskId} is done`
    : `Task ${taskId} failed: ${verdict.reason}: ${verdict.message}`;
}
