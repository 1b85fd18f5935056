import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { RunFailure } from "../steps/run-failure.ts";

export interface Patience {
  /** How long to wait before each repetition. */
  retryDelaysMs: readonly number[];
  logger: Logger;
  signal: AbortSignal;
}

/** Does what speaks to the repository's forge, and does it again while the forge cannot be reached: only time can help. */
export async function patiently<T>(work: () => Promise<T>, patience: Patience): Promise<T> {
  for (const delayMs of patience.retryDelaysMs) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RunFailure) || error.verdict.reason !== "RepositoryUnreachable") throw error;
      patience.logger.warn({ reason: error.message }, "The repository could not be reached, trying again");
    }
    await sleep(delayMs, undefined, { signal: patience.signal });
  }
  return await work();
}
