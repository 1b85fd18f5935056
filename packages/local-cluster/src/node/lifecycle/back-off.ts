/** Waiting times before something that failed is tried again, in milliseconds. */
export interface BackOff {
  initialMs: number;
  maxMs: number;
}

/** As the kubelet does it: at once after the first end, then `initialMs`, doubled each time up to `maxMs`. */
export function crashDelay(crashes: number, backOff: BackOff): number {
  return crashes <= 1 ? 0 : retryDelay(crashes - 1, backOff);
}

/** `initialMs` after the first failure, doubled each time up to `maxMs`. */
export function retryDelay(failures: number, { initialMs, maxMs }: BackOff): number {
  return Math.min(maxMs, initialMs * 2 ** Math.min(failures - 1, 30));
}

/** A run this long ends a row of crashes. */
export function isStableRun(ranMs: number, { maxMs }: BackOff): boolean {
  return ranMs >= 2 * maxMs;
}
