import { setTimeout as delay } from "node:timers/promises";
import { inspect } from "node:util";

/** What a probe says: done with a value, or not yet and how things stand. */
export type Probe<T> = { done: T } | { pending: unknown };

/**
 * Asks `probe` until it is done, and answers its value. A probe that throws is asked again.
 * @throws when `timeoutMs` (default 120,000) have passed, with the state the probe told last.
 */
export async function waitFor<T>(
  what: string,
  probe: (signal: AbortSignal) => Promise<Probe<T>>,
  { timeoutMs = 120_000, intervalMs = 200 }: { timeoutMs?: number; intervalMs?: number } = {},
): Promise<T> {
  const deadline = AbortSignal.timeout(timeoutMs);
  let state: unknown = "(the first probe has not answered)";
  while (!deadline.aborted) {
    try {
      const answer = await probe(deadline);
      if ("done" in answer) return answer.done;
      state = answer.pending;
    } catch (error) {
      if (!deadline.aborted) state = error;
    }
    await delay(intervalMs, undefined, { signal: deadline }).catch(() => undefined);
  }
  throw new Error(`waited in vain for ${what}; last state: ${inspect(state, { depth: 8, breakLength: 120 })}`);
}
