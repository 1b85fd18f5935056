import type { RunEvent } from "./decision.ts";
import { shortHash } from "./names.ts";
import type { AttemptId, RunView } from "./observation.ts";

/** In the order in which an attempt tells them; where a person may repeat one, the spec's generation parts them. */
const steps: Readonly<Record<RunEvent["reason"], number>> = {
  Suspended: 1,
  Resumed: 1,
  Started: 2,
  Retrying: 3,
  Succeeded: 4,
  Failed: 4,
  Cancelled: 4,
  // It is told of the last attempt of the round before, which may end only then.
  RoundStarted: 5,
};

/**
 * What the event of a step is known by, whoever records it: each attempt has one of each reason. Keys of a run sort in the order
 * of its life, and `kubectl describe` lists events by name.
 */
export function eventKey(
  { uid, generation }: Pick<RunView, "uid" | "generation">,
  { number, round }: Pick<AttemptId, "number" | "round">,
  reason: RunEvent["reason"],
): string {
  const step = steps[reason];
  const repeated = step === 1 ? [generation] : [];
  const places = [number, round, step, ...repeated].map((place) => String(place).padStart(4, "0"));
  return [shortHash(uid), ...places, reason.toLowerCase()].join(".");
}
