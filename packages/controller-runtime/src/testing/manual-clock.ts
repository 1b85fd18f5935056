import type { Clock } from "../clock.ts";

interface Timer {
  due: number;
  callback: () => void;
}

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  #startedAt: number;
  #now: number;
  #timers: Timer[] = [];
  #watchers: (() => void)[] = [];

  constructor(now = Date.parse("2026-01-01T00:00:00Z")) {
    this.#startedAt = now;
    this.#now = now;
  }

  /** Sets the date as an administrator would; no time passes. */
  setDate(now: number): void {
    const step = now - this.#now;
    this.#now = now;
    this.#startedAt += step;
    for (const timer of this.#timers) timer.due += step;
  }

  now(): number {
    return this.#now;
  }

  elapsed(): number {
    return this.#now - this.#startedAt;
  }

  schedule(milliseconds: number, callback: () => void): () => void {
    const timer = { due: this.#now + milliseconds, callback };
    this.#timers.push(timer);
    for (const watcher of this.#watchers.splice(0)) watcher();
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  /** How long until each timer is due, the nearest first. */
  get pending(): number[] {
    return this.#timers.map(({ due }) => due - this.#now).sort((a, b) => a - b);
  }

  /** Lets time pass, and calls what becomes due in its order. */
  advance(milliseconds: number): void {
    const until = this.#now + milliseconds;
    for (let next = this.#nextDue(until); next !== undefined; next = this.#nextDue(until)) {
      this.#now = next.due;
      const { callback } = next;
      this.#timers = this.#timers.filter((each) => each !== next);
      callback();
    }
    this.#now = until;
  }

  /** Resolves with the delay of the nearest timer, as soon as there is one. */
  async timer(): Promise<number> {
    while (this.#timers.length === 0) await this.#scheduled();
    return this.pending[0] ?? 0;
  }

  /** Waits for the nearest timer, or for one of exactly this delay, then lets its time pass. Resolves with its delay. */
  async passTimer(milliseconds?: number): Promise<number> {
    if (milliseconds === undefined) {
      const delay = await this.timer();
      this.advance(delay);
      return delay;
    }
    while (!this.pending.includes(milliseconds)) await this.#scheduled();
    this.advance(milliseconds);
    return milliseconds;
  }

  #scheduled(): Promise<void> {
    return new Promise((resolve) => this.#watchers.push(resolve));
  }

  #nextDue(until: number): Timer | undefined {
    return this.#timers.filter(({ due }) => due <= until).sort((a, b) => a.due - b.due)[0];
  }
}
