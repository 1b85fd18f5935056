import { afterEnd } from "./after-end.ts";
import type { AttemptState, Waiting } from "./attempt-state.ts";
import { beforeAttempt, endImpossible, startDue } from "./before-attempt.ts";
import {
  awaitChange,
  deleteJobs,
  lookAgain,
  lookFirst,
  type Action,
  type Decision,
  type DecideSettings,
  type Moment,
  type Situation,
} from "./decision.ts";
import { endAttempt, endRound, stopOf, type Stop } from "./end-attempt.ts";
import { liveJobs, type JobHandler } from "./job-handler.ts";
import { isTerminal, type Observation, type PodView, type RunView } from "./observation.ts";
import type { Reason } from "./reason.ts";
import { deadlineOf } from "./run-plan.ts";
import { runningStatus, stoppingStatus } from "./status.ts";
import { notice } from "./wait.ts";

/** What to do about a run, given everything that is known of it. Reads no clock, draws no chance and does no I/O. */
export function decide(
  handler: JobHandler,
  observation: Observation,
  settings: DecideSettings,
  moment: Moment,
): Decision {
  const { run } = observation;
  // Garbage collection removes what a deleted run owns.
  if (run.deleting) return { actions: [], next: awaitChange };
  const situation = situationOf(handler, observation, settings, moment);
  if (isTerminal(run.status)) return sureOfDeletions(run, afterEnd(situation));
  const { actions, ...rest } = decideAttempt(situation);
  const deleted = actions.flatMap((action) => (action.type === "deleteJob" ? [action.job] : []));
  const old = liveJobs(observation).filter((job) => job !== observation.job && !deleted.includes(job));
  return sureOfDeletions(run, { ...rest, actions: [...actions, ...deleteJobs(old, "its attempt has ended")] });
}

/** A run that is known too late makes its newest Job look old: what no guarded write comes before is looked at once more. */
function sureOfDeletions({ uid }: RunView, decision: Decision): Decision {
  const first = decision.actions.find(({ type }) => type === "deleteJob" || type === "patchStatus");
  return first?.type === "deleteJob" ? lookFirst(decision, uid) : decision;
}

/**
 * The API server does not let the operator write an object of an attempt now: a quota, a policy, a missing right. `shared` are
 * those that belong to no run; `rule`: somebody has decided so, rather than that a server or a webhook is unwell.
 */
export function decideRefused(
  handler: JobHandler,
  observation: Observation,
  refusal: { object: string; message: string; shared: boolean; rule: boolean },
  settings: DecideSettings,
  moment: Moment,
): Decision {
  const situation = situationOf(handler, observation, settings, moment);
  const since = startDue(situation, refusal);
  const until = since + situation.plan.timing.pendingTimeoutMs;
  const about = `${refusal.object} is refused`;
  const message = `${about}: ${refusal.message}`;
  if (moment.now >= until) return endAttempt(situation, { reason: "PodNotCreated", message });
  const told = { message, about, ...(refusal.rule && { retold: true as const }) };
  const waiting: Waiting = { reason: "PodNotCreated", endsAs: "PodNotCreated", hopeless: false, ...told };
  const { actions } = notice(situation, waiting, { since, until });
  return lookAgain(situation, actions, Math.min(until, moment.now + refusedRetryMs));
}
const refusedRetryMs = 15_000;

/** An attempt cannot be made for a reason that trying again does not mend. */
export function decideImpossible(
  handler: JobHandler,
  observation: Observation,
  cause: { reason: Reason; message: string },
  settings: DecideSettings,
  moment: Moment,
): Decision {
  return endImpossible(situationOf(handler, observation, settings, moment), cause);
}

function situationOf(
  handler: JobHandler,
  observation: Observation,
  settings: DecideSettings,
  moment: Moment,
): Situation {
  const { run } = observation;
  const { plan } = run;
  return { ...moment, handler, observation, plan, settings, deadline: deadlineOf(run, plan) };
}

function decideAttempt(situation: Situation): Decision {
  const { handler, observation, plan, now } = situation;
  const { state, statusFields } = handler.checkStatus(observation, plan.timing, now);
  const stop = stopOf(situation);
  switch (state.type) {
    case "notStarted":
      return stop === undefined ? beforeAttempt(situation) : endRound(situation, stop);
    case "waiting":
      return stop === undefined ? wait(situation, state) : stopAttempt(situation, state, stop);
    case "running":
      return stop === undefined ? work(situation, state) : stopAttempt(situation, state, stop);
    case "settling":
      return settle(situation, state, stop);
    case "ended": {
      const decision = endAttempt(situation, state.ending, statusFields);
      return observation.pod?.ended === true ? decision : lookFirst(decision, observation.run.uid);
    }
  }
}

/** Why there is no pod is told by nothing that the caches hold: the API server is looked at for it, ever less often. */
function wait(situation: Situation, state: Extract<AttemptState, { type: "waiting" }>): Decision {
  const { observation, settings, now } = situation;
  const decision = notice(situation, state.waiting, state);
  const noticeAt = state.since + settings.waitingNoticeAfterMs;
  if (observation.pod !== undefined || now < noticeAt) return decision;
  const { podless } = observation;
  const due = podless === undefined ? now : Math.min(state.until, 2 * podless.lookedAt - state.since);
  return due <= now ? lookFirst(decision, observation.run.uid) : lookAgain(situation, decision.actions, due);
}

function work(situation: Situation, state: Extract<AttemptState, { type: "running" }>): Decision {
  const { observation, now } = situation;
  if (observation.run.status.phase === "Running") return lookAgain(situation, [], state.until);
  const note = `Attempt ${observation.attempt.number}: the agent works in pod ${observation.pod?.name ?? ""}`;
  const actions: Action[] = [
    { type: "recordEvent", event: { type: "Normal", reason: "Started", action: "RunAttempt", note } },
    { type: "patchStatus", status: runningStatus(observation, state.startedAt, now) },
  ];
  return lookAgain(situation, actions, state.until);
}

/** What is missing may yet be told of; but a Job without a pod, which may never end by itself, does not outlast a stop. */
function settle(situation: Situation, { until }: { until: number }, stop: Stop | undefined): Decision {
  const { run, pod, job } = situation.observation;
  if (stop === undefined || pod !== undefined || job?.finishedAt !== undefined) return lookAgain(situation, [], until);
  return lookFirst(endAttempt(situation, stop), run.uid);
}

/** A pod that has begun is told to end, and read when it has; anything less is ended with its Job. */
function stopAttempt(situation: Situation, { until }: { until: number }, stop: Stop): Decision {
  const { run, pod } = situation.observation;
  if (pod === undefined || isUntouched(pod)) return lookFirst(endAttempt(situation, stop), run.uid);
  if (pod.stopAsked) return lookAgain(situation, [], until);
  const actions: Action[] = [{ type: "stopPod", pod, why: stop.message }];
  // The pod may take its whole grace period; nobody waits for one whose agent has not begun.
  if (situation.observation.run.status.phase === "Running") {
    actions.push({ type: "patchStatus", status: stoppingStatus(situation.observation, stop.message, situation.now) });
  }
  return lookAgain(situation, actions, until);
}

/** No kubelet has it: nobody would enforce a limit of it. */
function isUntouched({ node, gateway, prepare, agent }: PodView): boolean {
  return node === undefined && [gateway, prepare, agent].every(({ type }) => type === "absent");
}
