import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type ClaudeSettings,
  claudeSettings,
  type Reason,
  type RunInputs,
  type Verdict,
} from "@orchestrator/core/pure";
import { RunFailure, verdictOf } from "../steps/run-failure.ts";
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
import { handIn } from "../steps/hand-in.ts";
import { HandIns, type HandInsOptions } from "./hand-ins.ts";
import { longestTimer, type SessionOptions, type StopReason } from "./run-session.ts";
import { sessionId } from "./session-id.ts";
import { sessionsVerdict } from "./sessions-verdict.ts";
import { workOnTask } from "./work-on-task.ts";

/** Exit code of a program that ended by SIGTERM. */
const terminated = 143;

/** What every session meets: those at work are stopped. */
const hopeless: ReadonlySet<Reason> = new Set(["AgentMissing", "SettingsRejected", "ModelAuthFailed"]);

/** What a session that begins now would meet as well; those at work end by themselves. */
const closing: ReadonlySet<Reason> = new Set([
  ...hopeless,
  "BudgetExceeded",
  "InvalidInput",
  "MaxTurnsReached",
  "ModelOverloaded",
  "RateLimited",
]);

/** Milliseconds that handing in may take: the pod's grace has to last for the agent's end, two of these and the report. */
const handInLimitMs = 25_000;

export interface RunOptions
  extends StepOptions,
    Pick<SessionOptions, "command" | "resultGraceMs">,
    Pick<HandInsOptions, "sleep"> {}

/**
 * Runs the planned agent sessions, `parallelism` at a time, within the attempt's time limit, and hands in their work on
 * the way and at the end. Resolves to 0 when all did their work, 143 when the pod was told to stop, 1 otherwise; how
 * each session ended is left for the next steps.
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
    throw new RunFailure("SettingsRejected", message, { cause: error });
  }
}

interface SessionsOptions extends Pick<RunOptions, "command" | "resultGraceMs" | "sleep"> {
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
  readonly #handIns: HandIns;
  #closed: Verdict | undefined;
  #written: Promise<void> = Promise.resolve();

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#progress = progressOf(options.step);
    const { sleep } = options;
    this.#handIns = new HandIns({ handIn: async () => await this.#handIn(), ...(sleep !== undefined && { sleep }) });
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
    const over = new AbortController();
    const repeating = this.#handIns.repeat(over.signal);
    try {
      await Promise.all([Promise.all(workers).finally(() => over.abort()), repeating]);
    } finally {
      // A defect in one worker does not leave the agents of the others behind.
      this.#stop({ type: "interrupted" });
      over.abort();
      await Promise.allSettled([...workers, repeating]);
      clearTimeout(timer);
      step.signal.removeEventListener("abort", interrupt);
    }
    if (plan.sessions.length > 0) await this.#handIns.request();
    return this.#records;
  }

  async #work(queue: Iterable<PlannedSession>): Promise<void> {
    for (const session of queue) {
      const record = this.#unstarted(session) ?? (await this.#runOne(session));
      await this.#keep(record);
      const { verdict } = record;
      if (verdict !== undefined && hopeless.has(verdict.reason)) this.#stop({ type: "verdict", verdict });
      if (verdict !== undefined && closing.has(verdict.reason)) this.#closed ??= verdict;
      // At the end everything is handed in anyway.
      const isLast = this.#records.length === this.#options.plan.sessions.length;
      if (isDone(record) && !isLast) await this.#handIns.request();
    }
  }

  async #handIn(): Promise<void> {
    const { step, inputs, plan } = this.#options;
    const docs = inputs.kind === "DocsGenerationRun";
    const done = new Set(this.#records.filter((record) => docs && isDone(record)).map(({ taskId }) => taskId));
    const open = plan.sessions.filter(({ taskId }) => !done.has(taskId));
    await handIn({
      step,
      inputs,
      plan,
      parent: plan.startCommit,
      sessions: new Set(open.map((session) => this.#idOf(session))),
      signal: AbortSignal.timeout(handInLimitMs),
    });
  }

  async #runOne(session: PlannedSession): Promise<SessionRecord> {
    const { step, inputs, settings, command, resultGraceMs } = this.#options;
    return await workOnTask({
      turnsTaken: this.#records.reduce((sum, { turns }) => sum + turns, 0),
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
  }

  /** The record of a session that is not to be begun any more. */
  #unstarted(session: PlannedSession): SessionRecord | undefined {
    const none = { taskId: session.taskId, sessionId: this.#idOf(session), turns: 0 };
    const reason = this.#halt.signal.aborted ? (this.#halt.signal.reason as StopReason) : undefined;
    const verdict = reason?.type === "verdict" ? reason.verdict : this.#closed;
    if (reason !== undefined && reason.type !== "verdict") return { ...none, interrupted: true };
    return verdict === undefined ? undefined : { ...none, interrupted: false, verdict };
  }

  #idOf({ taskId, resume }: PlannedSession): string {
    const { uid: runUid, attempt } = this.#options.inputs;
    return resume ?? sessionId({ runUid, attempt, taskId });
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
    const done = this.#records.filter(isDone).length;
    const before = plan.upToDate.length + plan.done.length;
    const costs = this.#records.flatMap(({ costUsd }) => (costUsd === undefined ? [] : [costUsd]));
    this.#progress({
      step: "task",
      message: ending(record),
      task: record.taskId,
      turns: record.turns,
      tasksDone: before + done,
      tasksTotal: before + plan.sessions.length,
      ...(costs.length > 0 && { costUsd: costs.reduce((sum, cost) => sum + cost) }),
    });
  }

  #stop(reason: StopReason): void {
    if (!this.#halt.signal.aborted) this.#halt.abort(reason);
  }
}

function isDone({ verdict, interrupted }: SessionRecord): boolean {
  return verdict === undefined && !interrupted;
}

function timedOut({ timeoutSeconds }: RunInputs): StopReason {
  const message = `The agent had not ended after ${timeoutSeconds} s`;
  return { type: "verdict", verdict: { reason: "AgentTimedOut", message } };
}

function ending({ taskId, verdict, interrupted }: SessionRecord): string {
  if (interrupted) return `Task ${taskId} was interrupted`;
  return verdict === undefined
    ? `Task ${taskId} is done`
    : `Task ${taskId} failed: ${verdict.reason}: ${verdict.message}`;
}
