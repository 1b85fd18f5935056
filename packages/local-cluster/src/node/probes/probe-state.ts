import type { Probe } from "../pod.ts";

/** Results in a row. */
export interface ProbeState {
  successes: number;
  failures: number;
}

export const noResults: ProbeState = { successes: 0, failures: 0 };

/** Counts a result and says what the row of results means; `undecided` changes nothing. Pure. */
export function countResult(
  state: ProbeState,
  succeeded: boolean,
  probe: Pick<Probe, "failureThreshold" | "successThreshold">,
): { state: ProbeState; verdict: "passed" | "failed" | "undecided" } {
  const next = succeeded
    ? { successes: state.successes + 1, failures: 0 }
    : { successes: 0, failures: state.failures + 1 };
  if (next.successes >= (probe.successThreshold ?? 1)) return { state: next, verdict: "passed" };
  if (next.failures >= (probe.failureThreshold ?? 3)) return { state: next, verdict: "failed" };
  return { state: next, verdict: "undecided" };
}
