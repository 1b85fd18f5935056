export interface Backoff {
  /** Delay after the first failure. */
  initialMs: number;
  /** No delay is longer. */
  maxMs: number;
}

/**
 * Delay after the given number of earlier failures: doubling, and up to a quarter shorter at random, so that
 * those who failed together do not return together.
 */
export function backoffDelay(earlierFailures: number, backoff: Backoff, random: () => number): number {
  const full = Math.min(backoff.maxMs, backoff.initialMs * 2 ** earlierFailures);
  return full * (1 - random() / 4);
}
