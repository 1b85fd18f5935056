import type { Ending } from "./attempt-state.ts";
import { recorded } from "./current-attempt.ts";
import {
  atOnce,
  awaitChange,
  deleteJobs,
  lookAgain,
  type Action,
  type Decision,
  type RunEvent,
  type Situation,
} from "./decision.ts";
import { liveJobs } from "./job-handler.ts";
import { explain } from "./messages.ts";
import { nextStep, type NextStep } from "./next-step.ts";
import { reasons, type Reason } from "./reason.ts";
import { finalStatus, retryingStatus, type AttemptEnd } from "./status.ts";

const deadlineOver = "The round did not end within spec.deadline";

/** What ends a round before its work is done. */
export interface Stop {
  reason: Extract<Reason, "Cancelled" | "DeadlineExceeded">;
  message: string;
}

/** Whether someone or something wants the round to end now. */
export function stopOf({ plan, now, deadline }: Pick<Situation, "plan" | "now" | "deadline">): Stop | undefined {
  if (plan.cancel) return { reason: "Cancelled", message: "The run was cancelled by spec.cancel" };
  if (now < deadline) return undefined;
  return { reason: "DeadlineExceeded", message: deadlineOver };
}

/** The run's attempt is over: the round ends with it, or another attempt follows. One write says all of it. */
export function endAttempt(situation: Situation, found: Ending, kindFields: Record<string, unknown> = {}): Decision {
  const end: AttemptEnd = { ending: withUnknownCost(situation, named(situation, found)), kindFields };
  const next = nextStep(situation, end.ending);
  return next.type === "end"
    ? endRound(situation, { ...next, message: end.ending.message, end })
    : retry(situation, end, next);
}

/** The round has ended. `end` is that of its last attempt, absent where none was under way. */
export function endRound(
  situation: Situation,
  { reason, message, outcome, end }: { reason: Reason; message: string; outcome?: string; end?: AttemptEnd },
): Decision {
  const { handler, observation, now } = situation;
  const told = explain(reason, message, outcome);
  const attemptEnded = end?.ending.reason;
  const status = finalStatus(observation, { reason, message: told, end }, now);
  return {
    actions: [
      { type: "recordEvent", event: endEvent(reason, told) },
      { type: "patchStatus", status, roundEnded: reason, ...(attemptEnded && { attemptEnded }) },
      ...deleteJobs(handler.cleanup(observation), "its run has ended"),
    ],
    next: isOver(situation) ? awaitChange : atOnce,
  };
}

/** Nothing is to be done about the run any more, unless somebody changes it. */
function isOver({ plan, observation }: Situation): boolean {
  const { succeededMs, failedMs } = plan.retention;
  return plan.contextVersion <= observation.attempt.round && succeededMs === undefined && failedMs === undefined;
}

/** An agent that has worked costs something; a gateway that did not report cannot say how much. */
function withUnknownCost({ observation }: Situation, ending: Ending): Ending {
  const begun = ending.startedAt ?? recorded(observation.run, observation.attempt)?.startedAt;
  if (begun === undefined || ending.gateway !== undefined) return ending;
  const unknown = "what the attempt has cost since it last handed in its work is not known, and not counted";
  return { ...ending, message: `${ending.message}; ${unknown}` };
}

/** What the pod says gives way to a cancel, unless everything was delivered before. */
function named(situation: Situation, ending: Ending): Ending {
  if (reasons[ending.reason] === "success") return ending;
  const stop = stopOf(situation);
  // A pod that may not be changed is ended with its Job.
  const stopped = stop?.reason === "Cancelled" || ending.reason === "JobDeleted";
  if (stop !== undefined && stopped) return { ...ending, reason: stop.reason, message: stop.message };
  if (ending.reason !== "DeadlineExceeded") return ending;
  // The pod was told to end, and the deadline is not over: a cancel that a newer round has taken back since, or a clock set back.
  if (stop === undefined && situation.plan.contextVersion > situation.observation.attempt.round) {
    return { ...ending, reason: "Cancelled", message: "The round was cancelled by spec.cancel" };
  }
  return { ...ending, message: deadlineOver };
}

function retry(situation: Situation, end: AttemptEnd, next: Extract<NextStep, { type: "retry" }>): Decision {
  const { observation, plan, now } = situation;
  const status = retryingStatus(observation, end, { ...next, suspended: plan.suspend }, now);
  const note = status.message ?? "";
  const actions: Action[] = [
    { type: "recordEvent", event: { type: "Warning", reason: "Retrying", action: "WaitForAttempt", note } },
    { type: "patchStatus", status, attemptEnded: end.ending.reason },
    ...deleteJobs(
      liveJobs(observation).filter((job) => job === observation.job),
      "its attempt has ended",
    ),
  ];
  return lookAgain(situation, actions, next.at);
}

function endEvent(reason: Reason, message: string): RunEvent {
  const note = `${reason}: ${message}`;
  switch (reasons[reason]) {
    case "success":
      return { type: "Normal", reason: "Succeeded", action: "EndRound", note: message };
    case "choice":
      return { type: "Normal", reason: "Cancelled", action: "EndRound", note };
    case "infrastructure":
    case "provider":
    case "agent":
    case "configuration":
    case "limit":
      return { type: "Warning", reason: "Failed", action: "EndRound", note };
  }
}
