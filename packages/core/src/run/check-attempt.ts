import type { AttemptState, Ending, Waiting } from "./attempt-state.ts";
import { classifyEnding } from "./classify-ending.ts";
import { classifyPodless, classifyWaiting } from "./classify-waiting.ts";
import { recorded } from "./current-attempt.ts";
import type { JobView, Observation, PodView } from "./observation.ts";
import type { Reason } from "./reason.ts";
import type { AttemptTiming } from "./run-plan.ts";

/**
 * How long two watches may disagree before what is missing counts as gone. Jobs and Pods arrive by streams of their own, so a
 * Job's end may be seen before its pod's.
 */
export const settleMs = 5_000;
/** Between the end of `timeout` and the pod's own limit. */
export const backstopMs = 5 * 60_000;
/** What a pod has to end after SIGTERM; at most, for an operator may be set to give it less. */
export const gracePeriodMs = 90_000;

/** Where an attempt stands. The pod is the truth as long as it is there; the Job tells what becomes of it. */
export function checkAttempt(observation: Observation, timing: AttemptTiming, now: number): AttemptState {
  const { pod } = observation;
  const job = observation.job?.deleting === true ? undefined : observation.job;
  if (pod === undefined) return job === undefined ? withoutJob(observation) : withoutPod(observation, job, timing, now);
  if (pod.ended) return { type: "ended", ending: classifyEnding(pod, job) };
  if (pod.deletion !== undefined) return leaving(pod, pod.deletion.dueAt + settleMs, now);
  const startedAt = agentStart(pod);
  if (startedAt === undefined) {
    return waitingFor(classifyWaiting(pod), job?.createdAt ?? pod.createdAt, timing, now);
  }
  return working(pod, startedAt, timing, now);
}

function withoutJob({ run, attempt, job, jobSeen }: Observation): AttemptState {
  const begun = job !== undefined || jobSeen || recorded(run, attempt) !== undefined;
  return begun ? ended("JobDeleted", "The run's Job was deleted before the run had ended") : { type: "notStarted" };
}

function withoutPod(
  { run, attempt, podless }: Observation,
  job: JobView,
  timing: AttemptTiming,
  now: number,
): AttemptState {
  const started = recorded(run, attempt) !== undefined;
  if (!started && job.finishedAt === undefined) {
    return waitingFor(classifyPodless(job, podless?.refusal), job.createdAt, timing, now);
  }
  // The Job of a pod that is gone fails as soon as its controller sees it.
  const until = (job.finishedAt ?? job.createdAt + limitsMs(timing)) + settleMs;
  if (now < until) return { type: "settling", until };
  return ended("PodDeleted", `The pod of Job ${job.name} was deleted before its end was seen`);
}

/** A pod on its way out reports until it is due; a node that does not report by then is lost. */
function leaving(pod: PodView, until: number, now: number): AttemptState {
  if (now < until) return { type: "settling", until };
  if (pod.node === undefined) return ended("PodDeleted", `Pod ${pod.name} was deleted before its work was done`);
  return ended("NodeLost", `Node ${pod.node} has not answered since pod ${pod.name} was to end`, agentStart(pod));
}

function waitingFor(waiting: Waiting, since: number, timing: AttemptTiming, now: number): AttemptState {
  const until = since + timing.pendingTimeoutMs;
  if (waiting.hopeless) return ended(waiting.endsAs, waiting.message);
  if (now < until) return { type: "waiting", waiting, since, until };
  return ended(waiting.endsAs, `The agent did not start within spec.pendingTimeout. ${waiting.message}`);
}

/** Every limit inside the pod has passed when this one does: then nobody enforces them any more. */
function working(pod: PodView, startedAt: number, timing: AttemptTiming, now: number): AttemptState {
  const until = pod.createdAt + limitsMs(timing) + settleMs;
  if (now < until) return { type: "running", startedAt, until };
  return ended(
    "NodeLost",
    `Pod ${pod.name} outlived its time limit: node ${pod.node ?? ""} does not end it`,
    startedAt,
  );
}

/** From the pod's creation until its node must have ended it: the pod's own limit runs from its start on the node. */
function limitsMs({ pendingTimeoutMs, timeoutMs }: AttemptTiming): number {
  return pendingTimeoutMs + (pendingTimeoutMs + timeoutMs + backstopMs) + gracePeriodMs;
}

function agentStart({ agent }: PodView): number | undefined {
  return agent.type === "running" || agent.type === "terminated" ? agent.startedAt : undefined;
}

function ended(reason: Reason, message: string, startedAt?: number): AttemptState {
  const ending: Ending = { reason, message, ...(startedAt !== undefined && { startedAt }) };
  return { type: "ended", ending };
}
