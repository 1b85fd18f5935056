import type { Attempt, RunStatus } from "../api/status.ts";
import type { RunInputs } from "../pod/run-inputs.ts";
import { endedAttempts } from "./current-attempt.ts";
import { isReason, reasons } from "./reason.ts";

export type Resume = NonNullable<RunInputs["resume"]>;

/**
 * What the next attempt of a round goes on from. Undefined where no agent has begun before: there is nothing to go on from.
 *
 * @param resumeSession whether the spec lets an agent's session be continued.
 */
export function resumeOf(status: RunStatus, round: number, resumeSession: boolean): Resume | undefined {
  const ended = endedAttempts(status, round);
  const begun = ended.find(hasBegun);
  if (begun !== undefined) {
    const { reason = "", message = "" } = begun;
    const session = maySession(begun, resumeSession);
    return { session, required: isRequired(status, ended), previous: { reason, message } };
  }
  const earlier = status.attempts?.findLast((attempt) => attempt.round < round && hasBegun(attempt));
  return earlier === undefined ? undefined : { session: maySession(earlier, resumeSession), required: false };
}

/** A session that gave no sign of life any more is not continued. */
function maySession({ reason }: Attempt, resumeSession: boolean): boolean {
  return resumeSession && reason !== "Stalled";
}

/**
 * An agent that has begun is not started again from nothing, unless it failed by itself and `maxAgentRetries` lets it try again,
 * or the provider let it do nothing at all.
 */
function isRequired({ usage }: RunStatus, ended: readonly Attempt[]): boolean {
  for (const { reason, startedAt } of ended) {
    const cause = isReason(reason) ? reasons[reason] : undefined;
    if (cause === "agent") return false;
    if (startedAt !== undefined && (cause !== "provider" || usage?.turns !== 0)) return true;
  }
  return false;
}

function hasBegun({ startedAt }: Attempt): boolean {
  return startedAt !== undefined;
}
