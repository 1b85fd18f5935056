import { describe, expect, it } from "vitest";
import { ApiError } from "../client/api-error.ts";
import type { Change, ChangeContext } from "../informer/change.ts";
import type { Informer } from "../informer/informer.ts";
import type { ConfigMap } from "../resources/objects.ts";
import { createMetrics } from "../metrics/metrics.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { memoryLog } from "../testing/memory-log.ts";
import { Controller } from "./controller.ts";
import { type Reconcile, TerminalError } from "./reconcile-result.ts";

const a = { namespace: "one", name: "a" };
const b = { namespace: "one", name: "b" };
const awaitChange = { type: "awaitChange" } as const;

async function start(reconcile: Reconcile, options: { concurrency?: number; timeoutMs?: number } = {}) {
  const clock = new ManualClock();
  const metrics = createMetrics();
  const { logger, lines } = memoryLog();
  const calls: string[] = [];
  const stop = new AbortController();
  const abandon = new AbortController();
  const controller = new Controller({
    name: "test",
    reconcile: (request, signal) => {
      calls.push(request.name);
      return reconcile(request, signal);
    },
    logger,
    metrics,
    clock,
    random: () => 0,
    ...options,
  });
  const running = controller.run(stop.signal, abandon.signal);
  return { controller, clock, metrics, lines, calls, stop, abandon, running };
}

/** Resolves when somebody opens it. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}

describe("a reconcile", () => {
  it("is called with the key that was enqueued", async () => {
    const { controller, calls, stop, running } = await start(async () => awaitChange);
    controller.enqueue(a);
    await expect.poll(() => calls).toEqual(["a"]);
    stop.abort();
    await running;
  });

  it("is called again when its result asks for it", async () => {
    const { controller, calls, clock, stop, running } = await start(async () => ({
      type: "requeueAfter",
      milliseconds: 60_000,
    }));
    controller.enqueue(a);
    await clock.passTimer(60_000);
    await clock.passTimer(60_000);
    await expect.poll(() => calls).toEqual(["a", "a", "a"]);
    stop.abort();
    await running;
  });

  it("that fails is called again after growing delays, which start over after a success", async () => {
    let failures = 3;
    const { controller, clock, stop, running, calls, lines } = await start(async () => {
      failures -= 1;
      if (failures >= 0) throw new Error("trouble");
      return awaitChange;
    });
    controller.enqueue(a);
    for (const delay of [5, 10, 20]) await clock.passTimer(delay);
    await expect.poll(() => calls).toHaveLength(4);
    failures = 1;
    controller.enqueue(a);
    await clock.passTimer(5);
    expect(lines[0]).toMatchObject({ level: "error", controller: "test", namespace: "one", name: "a" });
    stop.abort();
    await running;
  });

  it("that fails for good is not called again until something changes", async () => {
    const { controller, clock, stop, running, calls, lines, metrics } = await start(async () => {
      throw new TerminalError("hopeless");
    });
    controller.enqueue(a);
    await expect.poll(() => lines).toHaveLength(1);
    expect(clock.pending).toEqual([]);
    controller.enqueue(a);
    await expect.poll(() => calls).toHaveLength(2);
    expect(await metrics.registry.metrics()).toContain(
      'controller_runtime_terminal_reconcile_errors_total{controller="test"} 2',
    );
    stop.abort();
    await running;
  });

  it("that throws before it returns a promise harms no other key", async () => {
    const { controller, calls, stop, running } = await start(
      ({ name }) => {
        if (name === "a") throw new Error("at once");
        return Promise.resolve(awaitChange);
      },
      { concurrency: 1 },
    );
    controller.enqueue(a);
    controller.enqueue(b);
    await expect.poll(() => calls).toEqual(["a", "b"]);
    stop.abort();
    await running;
  });

  it.each([
    { name: "undefined", thrown: undefined },
    { name: "a string", thrown: "trouble" },
    { name: "an object without prototype", thrown: Object.create(null) as unknown },
  ])("that throws $name is tried again, and harms no other key", async ({ thrown }) => {
    const { controller, calls, clock, lines, stop, running } = await start(
      async ({ name }) => {
        if (name === "a") throw thrown;
        return awaitChange;
      },
      { concurrency: 1 },
    );
    controller.enqueue(a);
    controller.enqueue(b);
    await clock.passTimer(5);
    await expect.poll(() => calls).toEqual(["a", "b", "a"]);
    expect(lines[0]).toMatchObject({ level: "error", name: "a" });
    stop.abort();
    await running;
  });

  it("that takes too long is told to give up, and tried again", async () => {
    const { controller, calls, clock, lines, metrics, stop, abandon, running } = await start(
      (_key, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        }),
      { timeoutMs: 30_000 },
    );
    controller.enqueue(a);
    await clock.passTimer(30_000);
    await clock.passTimer(5);
    await expect.poll(() => calls).toHaveLength(2);
    expect(lines[0]).toMatchObject({ level: "error", err: { type: "ReconcileTimeoutError" } });
    expect(await metrics.registry.metrics()).toContain(
      'controller_runtime_reconcile_timeouts_total{controller="test"} 1',
    );
    stop.abort();
    abandon.abort();
    await running;
    expect(clock.pending).toEqual([]);
  });

  it("that wrote on an old state is no error in the log", async () => {
    const { controller, clock, lines, stop, running } = await start(async () => {
      throw new ApiError({ status: 409, reason: "Conflict", message: "modified" });
    });
    controller.enqueue(a);
    await clock.passTimer(5);
    expect(lines[0]?.level).toBe("info");
    stop.abort();
    await running;
  });
});

describe("a watched change", () => {
  /** An informer whose changes are the test's. */
  function informer() {
    const listeners: ((change: Change<string>, context: ChangeContext) => void)[] = [];
    const tell = (name: string, initial = false): void => {
      const change = { type: "added", key: { name }, current: name } as const;
      for (const listener of listeners) listener(change, { initial });
    };
    const onChange = (listener: (typeof listeners)[number]): void => void listeners.push(listener);
    return { informer: { onChange } as unknown as Informer<ConfigMap, string>, tell };
  }

  it("goes before what existed at the start", async () => {
    const { passed, open } = gate();
    const { controller, calls, stop, running } = await start(() => passed.then(() => awaitChange), { concurrency: 1 });
    const source = informer();
    controller.watch(source.informer, ({ key }) => [key]);
    for (const name of ["in work", "old", "older"]) source.tell(name, true);
    source.tell("new");
    open();
    await expect.poll(() => calls).toEqual(["in work", "new", "old", "older"]);
    stop.abort();
    await running;
  });

  it("that cannot be mapped is logged, and harms no other", async () => {
    const { controller, calls, lines, stop, running } = await start(async () => awaitChange);
    const source = informer();
    controller.watch(source.informer, ({ key }) => {
      if (key.name === "bad") throw new Error("no owner");
      return [key];
    });
    source.tell("bad");
    source.tell("good");
    await expect.poll(() => calls).toEqual(["good"]);
    expect(lines).toMatchObject([{ level: "error", name: "bad", msg: "cannot tell whom a change concerns" }]);
    stop.abort();
    await running;
  });
});

describe("reconciles at once", () => {
  it("are as many as allowed", async () => {
    const { passed, open } = gate();
    let active = 0;
    let most = 0;
    const { controller, calls, stop, running } = await start(
      async () => {
        active += 1;
        most = Math.max(most, active);
        await passed;
        active -= 1;
        return awaitChange;
      },
      { concurrency: 3 },
    );
    for (let number = 0; number < 8; number += 1) controller.enqueue({ name: `key-${number}` });
    await expect.poll(() => calls).toHaveLength(3);
    open();
    await expect.poll(() => calls).toHaveLength(8);
    expect(most).toBe(3);
    stop.abort();
    await running;
  });

  it("are never two of one key; a change meanwhile brings one more", async () => {
    const { passed, open } = gate();
    let active = 0;
    let most = 0;
    const { controller, calls, stop, running } = await start(async () => {
      active += 1;
      most = Math.max(most, active);
      await passed;
      active -= 1;
      return awaitChange;
    });
    controller.enqueue(a);
    await expect.poll(() => calls).toHaveLength(1);
    controller.enqueue(a);
    controller.enqueue(a);
    open();
    await expect.poll(() => calls).toHaveLength(2);
    stop.abort();
    await running;
    expect(calls).toHaveLength(2);
    expect(most).toBe(1);
  });
});

describe("a stop", () => {
  it("finishes what is in hand and starts nothing more", async () => {
    const { passed, open } = gate();
    const finished: string[] = [];
    const { controller, calls, stop, running } = await start(
      async ({ name }, signal) => {
        await passed;
        signal.throwIfAborted();
        finished.push(name);
        return awaitChange;
      },
      { concurrency: 1 },
    );
    controller.enqueue(a);
    controller.enqueue(b);
    await expect.poll(() => calls).toEqual(["a"]);
    stop.abort();
    open();
    await running;
    expect(finished).toEqual(["a"]);
    expect(calls).toEqual(["a"]);
  });

  it("may give up what is in hand", async () => {
    const { controller, calls, lines, stop, abandon, running, metrics } = await start(
      (_key, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        }),
    );
    controller.enqueue(a);
    await expect.poll(() => calls).toHaveLength(1);
    stop.abort();
    abandon.abort(new Error("time is over"));
    await running;
    expect(lines).toMatchObject([{ level: "warn", msg: "reconcile abandoned" }]);
    expect(await metrics.registry.metrics()).toContain(
      'controller_runtime_reconcile_errors_total{controller="test"} 0',
    );
  });

  it("that came before the start ends the run at once", async () => {
    const { logger, lines } = memoryLog();
    const controller = new Controller({
      name: "test",
      reconcile: () => Promise.reject(new Error("not called")),
      logger,
      metrics: createMetrics(),
    });
    controller.enqueue(a);
    await controller.run(AbortSignal.abort());
    expect(lines).toEqual([]);
  });
});

it("has its metrics from the start, and counts results", async () => {
  let round = 0;
  const { controller, metrics, clock, stop, running } = await start(
    async () => {
      round += 1;
      if (round === 1) throw new Error("trouble");
      return round === 2 ? { type: "requeueAfter", milliseconds: 1000 } : awaitChange;
    },
    { concurrency: 4 },
  );
  const count = async (result: string): Promise<number> => {
    const text = await metrics.registry.metrics();
    const line = new RegExp(`controller_runtime_reconcile_total{controller="test",result="${result}"} (\\d+)`).exec(
      text,
    );
    return Number(line?.[1]);
  };
  for (const result of ["success", "requeue_after", "requeue", "error"]) expect(await count(result)).toBe(0);
  const text = await metrics.registry.metrics();
  expect(text).toContain('controller_runtime_max_concurrent_reconciles{controller="test"} 4');
  expect(text).toContain('controller_runtime_active_workers{controller="test"} 0');
  expect(text).toContain('controller_runtime_reconcile_time_seconds_count{controller="test"} 0');
  controller.enqueue(a);
  await clock.passTimer(5);
  await clock.passTimer(1000);
  await expect.poll(() => count("success")).toBe(1);
  expect([await count("error"), await count("requeue_after"), await count("requeue")]).toEqual([1, 1, 0]);
  stop.abort();
  await running;
});
