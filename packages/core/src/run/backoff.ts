/**
 * Milliseconds until the next try: `initialMs` doubled with each failure before, at most `maxMs`, and of that between half and
 * all, so that what failed together does not try again together.
 *
 * @param random of [0, 1).
 */
export function backoffMs(
  { initialMs, maxMs }: { initialMs: number; maxMs: number },
  failuresBefore: number,
  random: number,
): number {
  return Math.min(initialMs * 2 ** failuresBefore, maxMs) * (0.5 + random / 2);
}
