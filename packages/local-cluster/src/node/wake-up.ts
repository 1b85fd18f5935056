import type { Clock } from "@orchestrator/controller-runtime";

/** A bell that is not missed: a ring before the wait ends it at once. */
export class WakeUp {
  #rung = Promise.withResolvers<void>();

  ring(): void {
    this.#rung.resolve();
  }

  /** Resolves at the next ring, at the time `until`, or when the signal aborts. */
  async wait({
    clock,
    until,
    signal,
  }: {
    clock: Clock;
    until: number | undefined;
    signal: AbortSignal;
  }): Promise<void> {
    const ring = (): void => this.#rung.resolve();
    const cancel = until === undefined ? () => {} : clock.schedule(Math.max(0, until - clock.now()), ring);
    signal.addEventListener("abort", ring, { once: true });
    if (signal.aborted) ring();
    await this.#rung.promise;
    signal.removeEventListener("abort", ring);
    cancel();
    this.#rung = Promise.withResolvers<void>();
  }
}
