import { setTimeout as delay } from "node:timers/promises";

export interface HandInsOptions {
  /** Hands in what there is by then. */
  handIn: () => Promise<void>;
  /** Milliseconds between hand-ins that nobody has asked for. Default: 300,000. */
  intervalMs?: number;
  /** Default: the system's timers. */
  sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** Hands in whenever it is asked to, one at a time, and otherwise every few minutes. */
export class HandIns {
  readonly #options: HandInsOptions;
  #running: Promise<void> = Promise.resolve();
  #asked = false;

  constructor(options: HandInsOptions) {
    this.#options = options;
  }

  /** Work that was there when this was called is handed in when it resolves. */
  async request(): Promise<void> {
    // One that waits for its turn sees the work of all who ask meanwhile.
    if (!this.#asked) {
      this.#asked = true;
      this.#running = this.#running.then(async () => {
        this.#asked = false;
        await this.#options.handIn();
      });
    }
    await this.#running;
  }

  /** Hands in again and again, until the signal aborts. */
  async repeat(signal: AbortSignal): Promise<void> {
    const { intervalMs = 300_000, sleep = systemSleep } = this.#options;
    for (;;) {
      await sleep(intervalMs, signal);
      if (signal.aborted) return;
      await this.request();
    }
  }
}

async function systemSleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
