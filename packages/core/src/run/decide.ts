import {
  apiVersion,
  resources,
  type KubernetesObject,
  type ReconcileResult,
  type ResourceType,
} from "@orchestrator/controller-runtime";
import type { z } from "zod";
import type { ControllerError } from "../errors/controller-error.ts";
import { isControllerError } from "../errors/to-controller-error.ts";
import type { AttemptResources } from "../pod/attempt-resources.ts";
import type { AttemptState, Ending, Waiting } from "./attempt-state.ts";
import type { AttemptSettings, JobHandler } from "./job-handler.ts";
import { explain } from "./messages.ts";
import { isTerminal, type JobView, type Observation } from "./observation.ts";
import { reasons, type Reason } from "./reason.ts";
import { finalStatus, runningStatus, waitingStatus, type StatusPatch } from "./status.ts";
import { timingOf } from "./timing.ts";

/** What `decide` is told of the operator's settings. */
export interface DecideSettings {
  attempt: AttemptSettings;
  /** How long a run may wait for its agent before its status says why. */
  waitingNoticeAfterMs: number;
}

export interface RunEvent {
  type: "Normal" | "Warning";
  reason: "Started" | "Succeeded" | "Failed";
  action: "RunAttempt" | "EndRun";
  note: string;
}

/** One write. They are carried out in order, and the first that is refused ends the list. */
export type Action =
  | { type: "create"; resource: ResourceType; object: KubernetesObject }
  | { type: "patchStatus"; status: StatusPatch; ended?: Reason }
  | { type: "recordEvent"; event: RunEvent }
  | { type: "deleteJob"; job: JobView };

export interface Decision {
  actions: Action[];
  /** When to look again though nothing has changed. */
  next: ReconcileResult;
}

const awaitChange: ReconcileResult = { type: "awaitChange" };

/** What to do about a run, given everything that is known of it. Reads no clock and does no I/O. */
export function decide(handler: JobHandler, observation: Observation, settings: DecideSettings, now: number): Decision {
  const { run } = observation;
  // Garbage collection removes what a deleted run owns.
  if (run.deleting) return { actions: [], next: awaitChange };
  if (isTerminal(run.status)) return { actions: stop(handler.cleanup(observation)), next: awaitChange };
  const timing = timingOf(run.spec, handler.defaultTiming);
  const { state, statusFields } = handler.checkStatus(observation, timing, now);
  switch (state.type) {
    case "notStarted":
      return start(handler, observation, settings, now);
    case "waiting":
      return wait(observation, state, settings, now);
    case "running":
      return run.status.phase === "Running" ? lookAgain([], state.until, now) : begin(observation, state, now);
    case "settling":
      return lookAgain([], state.until, now);
    case "ended":
      return end(handler, observation, state.ending, statusFields, now);
  }
}

/** The API server does not let the operator create an attempt's object now: a quota, a policy, a missing right. */
export function decideRefused(
  handler: JobHandler,
  observation: Observation,
  refusal: { object: string; message: string },
  settings: DecideSettings,
  now: number,
): Decision {
  const { run } = observation;
  const until = run.createdAt + timingOf(run.spec, handler.defaultTiming).pendingTimeoutMs;
  const message = `${refusal.object} cannot be created: ${refusal.message}`;
  if (now >= until) return end(handler, observation, endingOf("PodNotCreated", message), undefined, now);
  const waiting: Waiting = { reason: "PodNotCreated", endsAs: "PodNotCreated", hopeless: false, message };
  const decision = wait(observation, { type: "waiting", waiting, since: run.createdAt, until }, settings, now);
  return { ...decision, next: { type: "requeueAfter", milliseconds: Math.min(until - now, refusedRetryMs) } };
}
const refusedRetryMs = 15_000;

/** An attempt cannot be made for a reason that trying again does not mend. */
export function decideImpossible(
  handler: JobHandler,
  observation: Observation,
  cause: { reason: Reason; message: string },
  now: number,
): Decision {
  return end(handler, observation, endingOf(cause.reason, cause.message), undefined, now);
}

function start(handler: JobHandler, observation: Observation, settings: DecideSettings, now: number): Decision {
  const built = build(handler, observation, settings.attempt);
  if (built.type === "impossible") return decideImpossible(handler, observation, built, now);
  const { configMap, job } = built.resources;
  return {
    actions: [
      { type: "create", resource: resources.configMaps, object: configMap },
      { type: "create", resource: resources.jobs, object: job },
    ],
    next: { type: "requeueAfter", milliseconds: settings.waitingNoticeAfterMs },
  };
}

type Built = { type: "built"; resources: AttemptResources } | { type: "impossible"; reason: Reason; message: string };

function build(handler: JobHandler, { run, attempt }: Observation, settings: AttemptSettings): Built {
  const { kind } = handler.resource;
  const spec = handler.spec.safeParse(run.spec);
  if (!spec.success) {
    const message = `${kind} ${run.name} cannot be carried out: ${firstFinding(spec.error)}`;
    return { type: "impossible", reason: "InvalidInput", message };
  }
  const { namespace, name, uid } = run;
  const identity = { apiVersion: apiVersion(handler.resource), kind, namespace, name, uid, spec: spec.data };
  const timing = timingOf(run.spec, handler.defaultTiming);
  try {
    return { type: "built", resources: handler.createResources({ run: identity, attempt, timing, settings }) };
  } catch (error) {
    if (!isControllerError(error) || error.retryable) throw error;
    return { type: "impossible", reason: reasonOf(error), message: error.message };
  }
}

function firstFinding(error: z.ZodError): string {
  const [issue] = error.issues;
  return `spec.${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`;
}

function reasonOf(error: ControllerError): Reason {
  return error.kind === "SettingsError" || error.kind === "TemplateError" ? "SettingsRejected" : "InvalidInput";
}

function wait(
  observation: Observation,
  state: Extract<AttemptState, { type: "waiting" }>,
  settings: DecideSettings,
  now: number,
): Decision {
  const told = observation.run.status.conditions !== undefined;
  if (told) return lookAgain([], state.until, now);
  const noticeAt = state.since + settings.waitingNoticeAfterMs;
  if (now < noticeAt) return lookAgain([], Math.min(noticeAt, state.until), now);
  return lookAgain([{ type: "patchStatus", status: waitingStatus(observation, state.waiting, now) }], state.until, now);
}

function begin(observation: Observation, state: Extract<AttemptState, { type: "running" }>, now: number): Decision {
  const note = `Attempt ${observation.attempt.number}: the agent works in pod ${observation.pod?.name ?? ""}`;
  const actions: Action[] = [
    { type: "patchStatus", status: runningStatus(observation, state.startedAt, now) },
    { type: "recordEvent", event: { type: "Normal", reason: "Started", action: "RunAttempt", note } },
  ];
  return lookAgain(actions, state.until, now);
}

function end(
  handler: JobHandler,
  observation: Observation,
  ending: Ending,
  statusFields: Record<string, unknown> | undefined,
  now: number,
): Decision {
  const { reason, message } = ending;
  const succeeded = reasons[reason] === "success";
  const event: RunEvent = {
    type: succeeded ? "Normal" : "Warning",
    reason: succeeded ? "Succeeded" : "Failed",
    action: "EndRun",
    note: succeeded ? message : `${reason}: ${message}`,
  };
  return {
    actions: [
      { type: "patchStatus", status: finalStatus(observation, ending, statusFields ?? {}, now), ended: reason },
      { type: "recordEvent", event },
      ...stop(handler.cleanup(observation)),
    ],
    next: awaitChange,
  };
}

function stop(jobs: readonly JobView[]): Action[] {
  return jobs.map((job) => ({ type: "deleteJob", job }));
}

function endingOf(reason: Reason, message: string): Ending {
  return { reason, message: explain(reason, message) };
}

/** Also where nothing is due for weeks: a look a day costs nothing. */
const longestWaitMs = 24 * 3_600_000;

function lookAgain(actions: Action[], at: number, now: number): Decision {
  const milliseconds = Math.min(Math.max(at - now, 1), longestWaitMs);
  return { actions, next: { type: "requeueAfter", milliseconds } };
}
