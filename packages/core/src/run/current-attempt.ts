import type { Attempt, RunStatus } from "../api/status.ts";
import { attemptName } from "./names.ts";
import type { AttemptId, RunView } from "./observation.ts";

/**
 * The attempt that is under way or would be the next. It follows from the status alone, but for the round before the first
 * write: a round that has objects already is not given up for one that the spec asks for since.
 *
 * @param seen rounds of the run's Jobs and pods.
 */
export function currentAttempt(
  run: RunView,
  { prefix, contextVersion, seen }: { prefix: string; contextVersion: number; seen: readonly number[] },
): AttemptId {
  const round = run.status.round ?? (seen.length > 0 ? Math.max(...seen) : contextVersion);
  const last = run.status.attempts?.at(-1);
  const number = last === undefined ? 1 : last.outcome === "Running" ? last.number : last.number + 1;
  const name = attemptName({ prefix, runName: run.name, runUid: run.uid, round, attempt: number });
  return { number, round, name };
}

/** What the status says of an attempt whose agent has been seen started. */
export function recorded({ status }: Pick<RunView, "status">, { number }: AttemptId): Attempt | undefined {
  return status.attempts?.find((attempt) => attempt.number === number);
}

/** The attempts of a round that have ended, newest first, as far as the status still lists them. */
export function endedAttempts({ attempts = [] }: RunStatus, round: number): Attempt[] {
  return attempts.filter((attempt) => attempt.round === round && attempt.outcome !== "Running").toReversed();
}
