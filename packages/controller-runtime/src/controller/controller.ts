import type { Logger } from "pino";
import { isApiError } from "../client/api-error.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { Change } from "../informer/change.ts";
import type { Informer } from "../informer/informer.ts";
import type { KubernetesObject, ObjectKey } from "../kubernetes-object.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { WorkQueue } from "../queue/work-queue.ts";
import { type Reconcile, type ReconcileResult, TerminalError } from "./reconcile-result.ts";

const defaultConcurrency = 10;
const defaultTimeoutMs = 120_000;
const resultLabels = ["success", "requeue_after", "requeue", "error"] as const;

/** A reconcile took too long and was told to give up. */
export class ReconcileTimeoutError extends Error {
  override readonly name = "ReconcileTimeoutError";
}

/**
 * Hands keys to a reconcile function: several keys at once, each key to one call at a time. Whatever a call throws is
 * logged and concerns its own key alone, which is tried again after a growing delay.
 */
export class Controller {
  readonly name: string;
  readonly #reconcile: Reconcile;
  readonly #concurrency: number;
  readonly #timeoutMs: number;
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #queue: WorkQueue;
  /** What aborts each of the reconciles in hand. */
  readonly #inHand = new Set<AbortController>();

  constructor(options: {
    /** Stands in logs and metrics. */
    name: string;
    reconcile: Reconcile;
    /** Reconciles at once. Default: 10. */
    concurrency?: number | undefined;
    /** After which a reconcile's signal aborts. Default: 120,000. */
    timeoutMs?: number | undefined;
    logger: Logger;
    metrics: Metrics;
    /** Default: the system's. */
    clock?: Clock | undefined;
    /** Default: `Math.random`. */
    random?: (() => number) | undefined;
  }) {
    this.name = options.name;
    this.#reconcile = options.reconcile;
    this.#concurrency = options.concurrency ?? defaultConcurrency;
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    this.#logger = options.logger.child({ controller: options.name });
    this.#metrics = options.metrics;
    this.#clock = options.clock ?? systemClock;
    const { name, metrics, clock, random } = options;
    this.#queue = new WorkQueue({ name, metrics, clock, random });
    this.#initializeMetrics();
  }

  enqueue(key: ObjectKey): void {
    this.#queue.add(key);
  }

  /** Enqueues the keys that `map` finds concerned by each change; those of what existed at the start come after all others. */
  watch<T extends KubernetesObject, P>(informer: Informer<T, P>, map: (change: Change<P>) => ObjectKey[]): void {
    informer.onChange((change, { initial }) => {
      try {
        for (const key of map(change)) this.#queue.add(key, initial ? "background" : "live");
      } catch (error) {
        this.#logger.error({ ...change.key, err: error }, "cannot tell whom a change concerns");
      }
    });
  }

  /**
   * Works until `stop` aborts, then resolves when the reconciles in hand have ended.
   *
   * @param abandon aborts the reconciles in hand. Default: never
   */
  async run(stop: AbortSignal, abandon: AbortSignal = new AbortController().signal): Promise<void> {
    const shutDown = (): void => this.#queue.shutDown();
    if (stop.aborted) shutDown();
    else stop.addEventListener("abort", shutDown, { once: true });
    const abandonAll = (): void => this.#inHand.forEach((reconcile) => reconcile.abort(abandon.reason));
    abandon.addEventListener("abort", abandonAll, { once: true });
    await Promise.all(Array.from({ length: this.#concurrency }, () => this.#work(abandon)));
    abandon.removeEventListener("abort", abandonAll);
  }

  async #work(abandon: AbortSignal): Promise<void> {
    for (let key = await this.#queue.take(); key !== undefined; key = await this.#queue.take()) {
      if (!abandon.aborted) await this.#handle(key, abandon);
    }
  }

  async #handle(key: ObjectKey, abandon: AbortSignal): Promise<void> {
    const labels = { controller: this.name };
    const startedAt = this.#clock.now();
    const giveUp = new AbortController();
    this.#inHand.add(giveUp);
    const cancel = this.#clock.schedule(this.#timeoutMs, () => this.#timeOut(giveUp));
    this.#metrics.activeWorkers.inc(labels);
    try {
      this.#settle(key, await this.#reconcile(key, giveUp.signal));
    } catch (error) {
      this.#fail(key, error, abandon);
    } finally {
      cancel();
      this.#inHand.delete(giveUp);
      this.#metrics.activeWorkers.dec(labels);
      this.#metrics.reconcileTime.observe(labels, (this.#clock.now() - startedAt) / 1000);
      this.#queue.done(key);
    }
  }

  #timeOut(reconcile: AbortController): void {
    this.#metrics.reconcileTimeouts.inc({ controller: this.name });
    reconcile.abort(new ReconcileTimeoutError(`the reconcile did not end within ${this.#timeoutMs} ms`));
  }

  #settle(key: ObjectKey, result: ReconcileResult): void {
    this.#queue.forget(key);
    switch (result.type) {
      case "awaitChange":
        this.#count("success");
        return;
      case "requeueAfter":
        this.#count("requeue_after");
        this.#queue.addAfter(key, result.milliseconds);
    }
  }

  #fail(key: ObjectKey, error: unknown, abandon: AbortSignal): void {
    const fields = { namespace: key.namespace, name: key.name, err: error };
    if (abandon.aborted) return this.#logger.warn(fields, "reconcile abandoned");
    this.#count("error");
    this.#metrics.reconcileErrors.inc({ controller: this.name });
    if (error instanceof TerminalError) {
      this.#metrics.terminalReconcileErrors.inc({ controller: this.name });
      this.#queue.forget(key);
      return this.#logger.error(fields, "reconcile failed for good");
    }
    this.#queue.addRateLimited(key);
    // To write on an old version is part of the game: the next try sees the new one.
    if (isApiError(error, "Conflict")) this.#logger.info(fields, "reconcile saw an old state, trying again");
    else this.#logger.error(fields, "reconcile failed, trying again");
  }

  #count(result: (typeof resultLabels)[number]): void {
    this.#metrics.reconcileTotal.inc({ controller: this.name, result });
  }

  #initializeMetrics(): void {
    const labels = { controller: this.name };
    for (const result of resultLabels) this.#metrics.reconcileTotal.inc({ ...labels, result }, 0);
    this.#metrics.reconcileErrors.inc(labels, 0);
    this.#metrics.terminalReconcileErrors.inc(labels, 0);
    this.#metrics.reconcileTimeouts.inc(labels, 0);
    this.#metrics.reconcileTime.zero(labels);
    this.#metrics.activeWorkers.set(labels, 0);
    this.#metrics.maxConcurrentReconciles.set(labels, this.#concurrency);
  }
}
