import type {
  KubernetesObject,
  NetworkPolicy,
  PersistentVolumeClaim,
  ReconcileResult,
  ResourceType,
} from "@orchestrator/controller-runtime";
import type { EgressDestination } from "../pod/network-policy.ts";
import type { AttemptSettings, JobHandler } from "./job-handler.ts";
import type { JobView, Observation, PodView } from "./observation.ts";
import type { Reason } from "./reason.ts";
import type { RunPlan } from "./run-plan.ts";
import type { StatusPatch } from "./status.ts";
import type { ClaimView } from "./workspace.ts";

/** What `decide` is told of the operator's settings. */
export interface DecideSettings {
  attempt: AttemptSettings;
  /** How long a run may wait for its agent before its status says why. */
  waitingNoticeAfterMs: number;
  /** Absent: the operator leaves network policies to others. */
  networkPolicy?: { open: readonly EgressDestination[] };
}

/** What `decide` is told of the world outside the cluster. */
export interface Moment {
  /** Milliseconds since the epoch. */
  now: number;
  /** Drawn from [0, 1), anew for each decision. */
  random: number;
}

export interface RunEvent {
  type: "Normal" | "Warning";
  reason: "Started" | "Retrying" | "Suspended" | "Resumed" | "RoundStarted" | "Succeeded" | "Failed" | "Cancelled";
  action: "RunAttempt" | "WaitForAttempt" | "BeginRound" | "EndRound";
  note: string;
}

/**
 * One write. They are carried out in order, and the first that is refused ends the list. `why` is for the log. An event comes
 * before the status that it goes with: it has a name of its own, so that it can be recorded again, and a status cannot.
 */
export type Action =
  | { type: "create"; resource: ResourceType; object: KubernetesObject }
  /** `seen` is the claim as it was decided on; undefined: there was none. */
  | { type: "takeWorkspace"; claim: PersistentVolumeClaim; seen: ClaimView | undefined }
  | { type: "patchStatus"; status: StatusPatch; attemptEnded?: Reason; roundEnded?: Reason }
  | { type: "recordEvent"; event: RunEvent }
  | { type: "deleteJob"; job: JobView; why: string }
  | { type: "stopPod"; pod: PodView; why: string }
  | { type: "deleteRun"; why: string }
  | { type: "updateNetworkPolicy"; policy: NetworkPolicy; resourceVersion: string };

export interface Decision {
  actions: Action[];
  /**
   * UIDs of the runs that it rests on not having seen more of: a pod that is not there, or whose end has not come, or a change of a
   * run whose Job is made or deleted. A cache that is behind looks just like that, so it is made anew after a look at the API server,
   * which also brings what the Job controller says of a Job without a pod.
   */
  lookAt?: readonly string[];
  /** When to look again though nothing has changed. */
  next: ReconcileResult;
}

/** Everything that a decision depends on. */
export interface Situation extends Moment {
  handler: JobHandler;
  observation: Observation;
  plan: RunPlan;
  settings: DecideSettings;
  /** When the round ends whatever it does. */
  deadline: number;
}

export const awaitChange: ReconcileResult = { type: "awaitChange" };
/** One's own writes come with no change of their own: what follows from them is looked at as soon as possible. */
export const atOnce: ReconcileResult = { type: "requeueAfter", milliseconds: 1 };
/** Also where nothing is due for weeks: a timer holds 24 days at most. */
const longestWaitMs = 24 * 24 * 3_600_000;

/** To look again at a time, or at the round's deadline where that comes first. */
export function lookAgain({ now, deadline }: Situation, actions: Action[], at: number): Decision {
  const due = deadline > now ? Math.min(at, deadline) : at;
  return { actions, next: waitUntil(due, now) };
}

/** The same, once these runs have been looked at. */
export function lookFirst(decision: Decision, ...uids: string[]): Decision {
  return uids.length === 0 ? decision : { ...decision, lookAt: [...(decision.lookAt ?? []), ...uids] };
}

export function waitUntil(at: number, now: number): ReconcileResult {
  return { type: "requeueAfter", milliseconds: Math.min(Math.max(at - now, 1), longestWaitMs) };
}

export function deleteJobs(jobs: readonly JobView[], why: string): Action[] {
  return jobs.map((job) => ({ type: "deleteJob", job, why }));
}
