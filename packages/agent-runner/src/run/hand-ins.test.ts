import { expect, it } from "vitest";
import { HandIns } from "./hand-ins.ts";

it("hands in once more for all who ask while one is under way", async () => {
  const done: PromiseWithResolvers<void>[] = [];
  const handIns = new HandIns({
    handIn: async () => {
      done.push(Promise.withResolvers());
      await done.at(-1)?.promise;
    },
  });
  const first = handIns.request();
  await expect.poll(() => done.length).toBe(1);
  const later = [handIns.request(), handIns.request(), handIns.request()];
  done[0]?.resolve();
  await first;
  await expect.poll(() => done.length).toBe(2);
  done[1]?.resolve();
  await Promise.all(later);
  expect(done).toHaveLength(2);
});

it("hands in each time that the interval is over, until it is stopped", async () => {
  let count = 0;
  const stop = new AbortController();
  const slept: number[] = [];
  const handIns = new HandIns({
    handIn: async () => {
      count += 1;
    },
    sleep: async (milliseconds) => {
      slept.push(milliseconds);
      if (slept.length === 4) stop.abort();
    },
  });
  await handIns.repeat(stop.signal);
  expect(count).toBe(3);
  expect(slept).toEqual([300_000, 300_000, 300_000, 300_000]);
});
