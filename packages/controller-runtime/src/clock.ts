/** Time as it is handed to everything that waits, so that tests decide when it passes. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since some moment. Unlike `now` it is never set, so that durations are right whatever happens to the date. */
  elapsed(): number;
  /** Calls `callback` once after `milliseconds`, soon where they are none or negative; the returned function calls it off. */
  schedule(milliseconds: number, callback: () => void): () => void;
}

/** Milliseconds; one of Node's timers that is set for longer goes off at once. */
const longestTimer = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  schedule: (milliseconds, callback) => {
    let timer: NodeJS.Timeout | undefined;
    const wait = (left: number): void => {
      const rest = left - longestTimer;
      timer = rest > 0 ? setTimeout(() => wait(rest), longestTimer) : setTimeout(callback, Math.max(left, 0));
    };
    wait(milliseconds);
    return () => clearTimeout(timer);
  },
};

/** Resolves after `milliseconds`. Rejects with the signal's reason as soon as it aborts. */
export function sleep(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const onAbort = (): void => {
      cancel();
      reject(signal.reason as Error);
    };
    const cancel = clock.schedule(milliseconds, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
