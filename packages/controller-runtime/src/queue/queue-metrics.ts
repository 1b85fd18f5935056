import type { Clock } from "../clock.ts";
import type { Metrics } from "../metrics/metrics.ts";

/** The `workqueue_*` metrics of one queue, present from the start. */
export class QueueMetrics {
  readonly #metrics: Metrics;
  readonly #labels: { name: string; controller: string };
  readonly #clock: Clock;
  readonly #addedAt = new Map<string, number>();
  readonly #startedAt = new Map<string, number>();

  constructor(metrics: Metrics, name: string, clock: Clock) {
    this.#metrics = metrics;
    this.#labels = { name, controller: name };
    this.#clock = clock;
    metrics.queueDepth.set(this.#labels, 0);
    metrics.queueAdds.inc(this.#labels, 0);
    metrics.queueRetries.inc(this.#labels, 0);
    metrics.queueDuration.zero(this.#labels);
    metrics.queueWorkDuration.zero(this.#labels);
    metrics.observeWork(this.#labels, () => [...this.#startedAt.values()].map((at) => this.#secondsSince(at)));
  }

  depth(keys: number): void {
    this.#metrics.queueDepth.set(this.#labels, keys);
  }

  added(id: string): void {
    this.#metrics.queueAdds.inc(this.#labels);
    this.#addedAt.set(id, this.#clock.now());
  }

  started(id: string): void {
    const now = this.#clock.now();
    this.#metrics.queueDuration.observe(this.#labels, this.#secondsSince(this.#addedAt.get(id) ?? now));
    this.#addedAt.delete(id);
    this.#startedAt.set(id, now);
  }

  finished(id: string): void {
    const at = this.#startedAt.get(id);
    if (at === undefined) return;
    this.#startedAt.delete(id);
    this.#metrics.queueWorkDuration.observe(this.#labels, this.#secondsSince(at));
  }

  retried(): void {
    this.#metrics.queueRetries.inc(this.#labels);
  }

  #secondsSince(at: number): number {
    return (this.#clock.now() - at) / 1000;
  }
}
