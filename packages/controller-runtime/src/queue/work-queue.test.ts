import { describe, expect, it } from "vitest";
import { createMetrics } from "../metrics/metrics.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { WorkQueue } from "./work-queue.ts";

const a = { namespace: "one", name: "a" };
const b = { namespace: "one", name: "b" };

function setUp() {
  const clock = new ManualClock();
  const metrics = createMetrics();
  const queue = new WorkQueue({ name: "test", metrics, clock, random: () => 0 });
  return { clock, metrics, queue };
}

/** Takes everything that can be had without waiting. */
async function drain(queue: WorkQueue): Promise<string[]> {
  const taken: string[] = [];
  while (queue.size > 0) taken.push((await queue.take())?.name ?? "");
  return taken;
}

describe("a key that is added", () => {
  it("is handed out in the order of arrival", async () => {
    const { queue } = setUp();
    queue.add(b);
    queue.add(a);
    expect(await drain(queue)).toEqual(["b", "a"]);
  });

  it("waits once, however often it is added", async () => {
    const { queue } = setUp();
    queue.add(a);
    queue.add({ ...a });
    expect(await drain(queue)).toEqual(["a"]);
  });

  it("is another key in another namespace, and without one", async () => {
    const { queue } = setUp();
    queue.add(a);
    queue.add({ namespace: "two", name: "a" });
    queue.add({ name: "a" });
    expect(await drain(queue)).toEqual(["a", "a", "a"]);
  });

  it("goes to a worker that waits already", async () => {
    const { queue } = setUp();
    const taken = queue.take();
    queue.add(a);
    expect(await taken).toEqual(a);
    expect(queue.size).toBe(0);
  });
});

describe("a live key", () => {
  const key = (name: string) => ({ namespace: "one", name });

  it("comes before those of the initial list", async () => {
    const { queue } = setUp();
    queue.add(a, "background");
    queue.add(b);
    expect(await drain(queue)).toEqual(["b", "a"]);
  });

  it("comes before those whose time has come", async () => {
    const { queue, clock } = setUp();
    queue.addAfter(a, 100);
    clock.advance(100);
    queue.add(b);
    expect(await drain(queue)).toEqual(["b", "a"]);
  });

  it("is what a background key becomes when it changes, and stays whatever is added then", async () => {
    const { queue } = setUp();
    queue.add(a, "background");
    queue.add(b, "background");
    queue.add(b);
    queue.add(b, "background");
    expect(await drain(queue)).toEqual(["b", "a"]);
  });

  it("is what a key becomes that changes in work", async () => {
    const { queue } = setUp();
    queue.add(a);
    await queue.take();
    queue.add(a, "background");
    queue.add(a);
    queue.add(b, "background");
    queue.done(a);
    expect(await drain(queue)).toEqual(["a", "b"]);
  });

  it("does not starve the background: every fourth is one of it", async () => {
    const { queue } = setUp();
    for (const name of ["1", "2"]) queue.add(key(name), "background");
    for (const name of ["a", "b", "c", "d", "e", "f", "g"]) queue.add(key(name));
    expect(await drain(queue)).toEqual(["a", "b", "c", "1", "d", "e", "f", "2", "g"]);
  });

  it("that never rests starves nobody", async () => {
    const { queue } = setUp();
    for (const name of ["x", "y"]) queue.add(key(name), "background");
    queue.add(a);
    queue.add(b);
    const taken: string[] = [];
    for (let round = 0; round < 8; round += 1) {
      const next = await queue.take();
      taken.push(next?.name ?? "");
      if (next?.name !== "a") continue;
      queue.add(a);
      queue.done(a);
    }
    expect(taken).toEqual(["a", "b", "a", "x", "a", "a", "a", "y"]);
  });
});

describe("a key in work", () => {
  it("is not handed to a second worker", async () => {
    const { queue } = setUp();
    queue.add(a);
    await queue.take();
    queue.add(a);
    expect(queue.size).toBe(0);
  });

  it("is handed out once more when it was added meanwhile, once for all adds", async () => {
    const { queue } = setUp();
    queue.add(a);
    await queue.take();
    queue.add(a);
    queue.add(a);
    queue.done(a);
    expect(await drain(queue)).toEqual(["a"]);
    queue.done(a);
    expect(queue.size).toBe(0);
  });

  it("does not come again when nothing was added", async () => {
    const { queue } = setUp();
    queue.add(a);
    await queue.take();
    queue.done(a);
    expect(queue.size).toBe(0);
  });

  it("does not hold up others", async () => {
    const { queue } = setUp();
    queue.add(a);
    await queue.take();
    queue.add(a);
    queue.add(b);
    expect(await drain(queue)).toEqual(["b"]);
  });

  it("whose delay ends meanwhile is handed out after work", async () => {
    const { queue, clock } = setUp();
    queue.add(a);
    await queue.take();
    queue.addAfter(a, 100);
    clock.advance(100);
    expect(queue.size).toBe(0);
    queue.done(a);
    expect(await drain(queue)).toEqual(["a"]);
  });
});

describe("a delayed key", () => {
  it("is held, then released", async () => {
    const { queue, clock } = setUp();
    queue.addAfter(a, 100);
    clock.advance(99);
    expect(queue.size).toBe(0);
    clock.advance(1);
    expect(await drain(queue)).toEqual(["a"]);
  });

  it("does not block the head of the line", async () => {
    const { queue, clock } = setUp();
    queue.addAfter(a, 100);
    queue.addAfter(b, 50);
    clock.advance(50);
    expect(await drain(queue)).toEqual(["b"]);
  });

  it.each([
    { name: "a later", first: 100, second: 200 },
    { name: "an earlier", first: 200, second: 100 },
  ])("keeps the nearer deadline when $name one comes", async ({ first, second }) => {
    const { queue, clock } = setUp();
    queue.addAfter(a, first);
    queue.addAfter(a, second);
    clock.advance(100);
    expect(await drain(queue)).toEqual(["a"]);
    queue.done(a);
    clock.advance(1000);
    expect(queue.size).toBe(0);
    expect(clock.pending).toEqual([]);
  });

  it("comes at once when it is added without delay, and then no more", async () => {
    const { queue, clock } = setUp();
    queue.addAfter(a, 100);
    queue.add(a);
    expect(await drain(queue)).toEqual(["a"]);
    queue.done(a);
    clock.advance(1000);
    expect(queue.size).toBe(0);
  });

  it("is not delayed while it waits already", async () => {
    const { queue, clock } = setUp();
    queue.add(a);
    queue.addAfter(a, 100);
    expect(clock.pending).toEqual([]);
    expect(await drain(queue)).toEqual(["a"]);
  });

  it("without a delay is just added", () => {
    const { queue } = setUp();
    queue.addAfter(a, 0);
    expect(queue.size).toBe(1);
  });
});

describe("a key that keeps failing", () => {
  it("is delayed for twice as long each time, and at most 5 minutes", () => {
    const { queue, clock } = setUp();
    const delays = Array.from({ length: 20 }, () => {
      queue.addRateLimited(a);
      const [delay = 0] = clock.pending;
      clock.advance(delay);
      void queue.take();
      queue.done(a);
      return delay;
    });
    expect(delays.slice(0, 4)).toEqual([5, 10, 20, 40]);
    expect(delays.at(-1)).toBe(300_000);
  });

  it("waits for the rest of its delay, and no longer, where a change had it tried in between", () => {
    const { queue, clock } = setUp();
    for (const delay of [5, 10, 20]) {
      queue.addRateLimited(a);
      clock.advance(delay);
      void queue.take();
      queue.done(a);
    }
    queue.addRateLimited(a);
    for (let change = 0; change < 5; change += 1) {
      clock.advance(4);
      queue.add(a);
      void queue.take();
      queue.addRateLimited(a);
      queue.done(a);
    }
    expect(clock.pending).toEqual([20]);
  });

  it("starts over after it was forgotten", () => {
    const { queue, clock } = setUp();
    queue.addRateLimited(a);
    queue.add(a);
    queue.forget(a);
    void queue.take();
    queue.addRateLimited(a);
    expect(clock.pending).toEqual([5]);
  });

  it("is delayed a little less at random", () => {
    const clock = new ManualClock();
    const queue = new WorkQueue({ name: "test", metrics: createMetrics(), clock, random: () => 0.999_999 });
    queue.addRateLimited(a);
    expect(clock.pending[0]).toBeCloseTo(3.75);
  });

  it("is delayed more when all together fail too often: 100 at once, then 10 a second", () => {
    const { queue, clock } = setUp();
    const fail = (name: number) => queue.addRateLimited({ name: `key-${name}` });
    for (let name = 0; name < 100; name += 1) fail(name);
    expect(clock.pending.at(-1)).toBe(5);
    for (let name = 100; name < 120; name += 1) fail(name);
    expect(clock.pending.at(-1)).toBeCloseTo(2000);
    clock.advance(12_000);
    fail(120);
    expect(clock.pending).toEqual([5]);
  });

  it("does not delay others", () => {
    const { queue, clock } = setUp();
    for (let failure = 0; failure < 5; failure += 1) queue.addRateLimited(a);
    queue.addRateLimited(b);
    expect(clock.pending[0]).toBe(5);
  });
});

describe("a queue that is shut down", () => {
  it("lets waiting workers go", async () => {
    const { queue } = setUp();
    const taken = [queue.take(), queue.take()];
    queue.shutDown();
    expect(await Promise.all(taken)).toEqual([undefined, undefined]);
  });

  it("hands out nothing more, neither what waited nor what comes", async () => {
    const { queue, clock } = setUp();
    queue.add(a);
    queue.addAfter(b, 100);
    queue.shutDown();
    queue.add(b);
    queue.addAfter(a, 1);
    expect(await queue.take()).toBeUndefined();
    expect(clock.pending).toEqual([]);
  });

  it("does not hand out again what was added while in work", async () => {
    const { queue } = setUp();
    queue.add(a);
    await queue.take();
    queue.add(a);
    queue.shutDown();
    queue.done(a);
    expect(queue.size).toBe(0);
  });
});

describe("metrics", () => {
  const labels = 'name="test",controller="test"';

  it("are there before anything happens", async () => {
    const { metrics } = setUp();
    const text = await metrics.registry.metrics();
    for (const name of [
      "workqueue_depth",
      "workqueue_adds_total",
      "workqueue_retries_total",
      "workqueue_queue_duration_seconds_count",
      "workqueue_work_duration_seconds_count",
      "workqueue_unfinished_work_seconds",
      "workqueue_longest_running_processor_seconds",
    ]) {
      expect(text).toContain(`${name}{${labels}} 0\n`);
    }
  });

  it("tell depth, adds, retries, waiting and work", async () => {
    const { metrics, queue, clock } = setUp();
    queue.add(a);
    queue.add(a);
    queue.add(b);
    clock.advance(2000);
    await queue.take();
    clock.advance(3000);
    queue.addRateLimited(a);
    const text = await metrics.registry.metrics();
    expect(text).toContain(`workqueue_depth{${labels}} 1\n`);
    expect(text).toContain(`workqueue_adds_total{${labels}} 2\n`);
    expect(text).toContain(`workqueue_retries_total{${labels}} 1\n`);
    expect(text).toContain(`workqueue_queue_duration_seconds_sum{${labels}} 2\n`);
    expect(text).toContain(`workqueue_unfinished_work_seconds{${labels}} 3\n`);
    expect(text).toContain(`workqueue_longest_running_processor_seconds{${labels}} 3\n`);
    queue.done(a);
    expect(await metrics.registry.metrics()).toContain(`workqueue_work_duration_seconds_sum{${labels}} 3\n`);
  });
});
