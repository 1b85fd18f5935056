import fc from "fast-check";
import { expect, it } from "vitest";
import type { ObjectKey } from "../kubernetes-object.ts";
import { createMetrics } from "../metrics/metrics.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { WorkQueue } from "./work-queue.ts";

const key = fc.constantFrom("a", "b", "c").map((name) => ({ namespace: "one", name }));
const step = fc.oneof(
  fc.record({ type: fc.constant("add" as const), key }),
  fc.record({ type: fc.constant("addAfter" as const), key, milliseconds: fc.integer({ min: 1, max: 100 }) }),
  fc.record({ type: fc.constant("fail" as const), key }),
  fc.record({ type: fc.constant("advance" as const), milliseconds: fc.integer({ min: 1, max: 100 }) }),
  fc.record({ type: fc.constant("take" as const) }),
  fc.record({ type: fc.constant("done" as const), key }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** What must hold, whatever the order of events. */
class Model {
  readonly inWork = new Set<string>();
  /** Keys added after they were last handed out. */
  readonly owed = new Set<string>();
  readonly #clock = new ManualClock();
  readonly #queue = new WorkQueue({ name: "test", metrics: createMetrics(), clock: this.#clock, random: () => 0 });

  async play(next: Step): Promise<void> {
    switch (next.type) {
      case "add":
        this.owed.add(next.key.name);
        return this.#queue.add(next.key);
      case "addAfter":
        this.owed.add(next.key.name);
        return this.#queue.addAfter(next.key, next.milliseconds);
      case "fail":
        this.owed.add(next.key.name);
        return this.#queue.addRateLimited(next.key);
      case "advance":
        return this.#clock.advance(next.milliseconds);
      case "take":
        return this.take();
      case "done":
        return this.done(next.key);
    }
  }

  async take(): Promise<void> {
    if (this.#queue.size === 0) return;
    const taken = (await this.#queue.take())?.name ?? "";
    if (this.inWork.has(taken)) throw new Error(`${taken} was handed to two workers`);
    if (!this.owed.has(taken)) throw new Error(`${taken} was handed out without having been added`);
    this.inWork.add(taken);
    this.owed.delete(taken);
  }

  done({ namespace, name }: ObjectKey): void {
    if (this.inWork.delete(name)) this.#queue.done({ namespace, name });
  }

  /** Lets everything end, and nothing new come. */
  async finish(): Promise<void> {
    for (let round = 0; round < 10; round += 1) {
      for (const name of this.inWork) this.done({ namespace: "one", name });
      this.#clock.advance(300_000);
      await this.take();
    }
  }
}

it("hands out every key that was added since, to one worker at a time", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), async (steps) => {
      const model = new Model();
      for (const next of steps) await model.play(next);
      await model.finish();
      expect([...model.owed]).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
