import { beginRound } from "./begin-round.ts";
import { awaitChange, deleteJobs, waitUntil, type Action, type Decision, type Situation } from "./decision.ts";

/** The round has ended, and stays so: what still runs is stopped, a new round may begin, and the run's time may be over. */
export function afterEnd(situation: Situation): Decision {
  const { handler, observation, plan, now } = situation;
  const { status } = observation.run;
  const stops = deleteJobs(handler.cleanup(observation), "its run has ended");
  if (plan.contextVersion > observation.attempt.round && !plan.cancel) {
    const begun = beginRound(situation);
    return { ...begun, actions: [...stops, ...begun.actions] };
  }
  const { succeededMs, failedMs } = plan.retention;
  const kept = status.phase === "Succeeded" ? succeededMs : failedMs;
  if (kept === undefined || status.completionTime === undefined) return { actions: stops, next: awaitChange };
  const due = Date.parse(status.completionTime) + kept;
  if (now < due) return { actions: stops, next: waitUntil(due, now) };
  const deletion: Action = { type: "deleteRun", why: "the time of spec.retention is over" };
  return { actions: [...stops, deletion], next: awaitChange };
}
