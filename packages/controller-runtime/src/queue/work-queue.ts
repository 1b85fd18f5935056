import { type Backoff, backoffDelay } from "../backoff.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { ObjectKey } from "../kubernetes-object.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { keyText } from "../object-key.ts";
import { Lanes, type Urgency } from "./lanes.ts";
import { QueueMetrics } from "./queue-metrics.ts";
import { type Rate, TokenBucket } from "./token-bucket.ts";

/** Between tries of a key that keeps failing. */
const defaultBackoff: Backoff = { initialMs: 5, maxMs: 300_000 };
/** Of all tries after failures together. */
const defaultRetryRate: Rate = { perSecond: 10, burst: 100 };

/**
 * Keys that need work. A key waits once however often it is added, is held by one worker at a time, and is handed
 * out again, behind those that wait by then, when it was added while in work. Of several delays the nearest counts, and
 * an undelayed add supersedes all. Live keys come before background ones, which get a share of their own.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #backoff: Backoff;
  readonly #retries: TokenBucket;
  readonly #metrics: QueueMetrics;
  readonly #waiting = new Lanes();
  readonly #inWork = new Set<string>();
  readonly #againAfterWork = new Map<string, { key: ObjectKey; urgency: Urgency }>();
  readonly #delayed = new Map<string, { due: number; cancel: () => void }>();
  readonly #failures = new Map<string, { failures: number; until: number }>();
  #takers: ((key: ObjectKey | undefined) => void)[] = [];
  #shutDown = false;

  constructor(options: {
    name: string;
    metrics: Metrics;
    /** Default: the system's. */
    clock?: Clock | undefined;
    /** Default: `Math.random`. */
    random?: (() => number) | undefined;
    /** Default: 5 ms, doubling up to 5 min. */
    backoff?: Backoff | undefined;
    /** Default: 10 a second after 100 at once. */
    retryRate?: Rate | undefined;
  }) {
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#backoff = options.backoff ?? defaultBackoff;
    this.#retries = new TokenBucket(options.retryRate ?? defaultRetryRate, this.#clock.now());
    this.#metrics = new QueueMetrics(options.metrics, options.name, this.#clock);
  }

  /** Keys that wait for a worker now. */
  get size(): number {
    return this.#waiting.size;
  }

  add(key: ObjectKey, urgency: Urgency = "live"): void {
    if (this.#shutDown) return;
    const id = keyText(key);
    this.#dropDelay(id);
    if (!this.#isDue(id)) this.#metrics.added(id);
    if (this.#inWork.has(id)) this.#addAfterWork(id, key, urgency);
    else this.#offer(id, key, urgency);
  }

  /** Adds the key after `milliseconds`, unless it is added sooner: then as a background key, but live without a delay. */
  addAfter(key: ObjectKey, milliseconds: number): void {
    if (milliseconds <= 0) return this.add(key);
    const id = keyText(key);
    if (this.#shutDown || this.#isDue(id)) return;
    const due = this.#clock.now() + milliseconds;
    const earlier = this.#delayed.get(id);
    if (earlier !== undefined && earlier.due <= due) return;
    this.#dropDelay(id);
    const cancel = this.#clock.schedule(milliseconds, () => this.add(key, "background"));
    this.#delayed.set(id, { due, cancel });
  }

  /**
   * Adds the key after a delay that doubles with every call until `forget`, and is longer while all keys together fail too often.
   * A try that came before its delay was over, because something had changed, waits for the rest of it.
   */
  addRateLimited(key: ObjectKey): void {
    const id = keyText(key);
    const now = this.#clock.now();
    const { failures, until } = this.#failures.get(id) ?? { failures: 0, until: now };
    this.#metrics.retried();
    if (now < until) return this.addAfter(key, until - now);
    const delay = Math.max(backoffDelay(failures, this.#backoff, this.#random), this.#retries.reserve(now));
    this.#failures.set(id, { failures: failures + 1, until: now + delay });
    this.addAfter(key, delay);
  }

  /** Ends the key's series of failures. */
  forget(key: ObjectKey): void {
    this.#failures.delete(keyText(key));
  }

  /** The next key, held by the caller until `done`; undefined once the queue is shut down. */
  take(): Promise<ObjectKey | undefined> {
    const next = this.#waiting.next();
    if (next !== undefined) {
      this.#hold(next[0]);
      return Promise.resolve(next[1]);
    }
    if (this.#shutDown) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  /** Gives a key back after work. */
  done(key: ObjectKey): void {
    const id = keyText(key);
    this.#inWork.delete(id);
    this.#metrics.finished(id);
    const again = this.#againAfterWork.get(id);
    if (again === undefined) return;
    this.#againAfterWork.delete(id);
    this.#offer(id, again.key, again.urgency);
  }

  /** Drops what waits and hands out nothing more; keys in work are finished by their workers. */
  shutDown(): void {
    this.#shutDown = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#waiting.clear();
    this.#againAfterWork.clear();
    this.#metrics.depth(0);
    for (const taker of this.#takers) taker(undefined);
    this.#takers = [];
  }

  /** Whether the key will be handed out without any further delay. */
  #isDue(id: string): boolean {
    return this.#waiting.has(id) || this.#againAfterWork.has(id);
  }

  #addAfterWork(id: string, key: ObjectKey, urgency: Urgency): void {
    if (urgency === "live" || !this.#againAfterWork.has(id)) this.#againAfterWork.set(id, { key, urgency });
  }

  #offer(id: string, key: ObjectKey, urgency: Urgency): void {
    const taker = this.#takers.shift();
    if (taker === undefined) {
      this.#waiting.add(id, key, urgency);
      this.#metrics.depth(this.#waiting.size);
    } else {
      this.#hold(id);
      taker(key);
    }
  }

  #hold(id: string): void {
    this.#inWork.add(id);
    this.#metrics.started(id);
    this.#metrics.depth(this.#waiting.size);
  }

  #dropDelay(id: string): void {
    this.#delayed.get(id)?.cancel();
    this.#delayed.delete(id);
  }
}
