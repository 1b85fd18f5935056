import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { withLock } from "./lock.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lock-"));
  return () => rm(folder, { recursive: true, force: true });
});

function lock<T>(work: () => Promise<T>, signal = new AbortController().signal): Promise<T> {
  return withLock(folder, { signal, onWait: () => {}, env: process.env }, work);
}

test("one holder at a time", async () => {
  let holders = 0;
  const seen: number[] = [];
  const hold = async (): Promise<void> => {
    seen.push(++holders);
    await new Promise((resolve) => setImmediate(resolve));
    holders--;
  };
  await Promise.all([lock(hold), lock(hold), lock(hold)]);
  expect(seen).toEqual([1, 1, 1]);
});

test("free again when the work fails", async () => {
  await expect(lock(() => Promise.reject(new Error("in vain")))).rejects.toThrow("in vain");
  expect(await lock(() => Promise.resolve("held"))).toBe("held");
});

test("whoever waits can give up", async () => {
  const called = new AbortController();
  await lock(async () => {
    const waiting = lock(() => Promise.resolve("held"), called.signal);
    called.abort(new Error("called off"));
    await expect(waiting).rejects.toThrow(/abort/i);
  });
});

test("a lock that cannot be taken says so", async () => {
  await rm(folder, { recursive: true });
  await expect(
    withLock(
      join(folder, "none/lock"),
      { signal: new AbortController().signal, onWait: () => {}, env: process.env },
      () => Promise.resolve(),
    ),
  ).rejects.toThrow(/cannot be taken: flock: .*No such file/);
});

test("a machine without flock is told so", async () => {
  const options = { signal: new AbortController().signal, onWait: () => {}, env: { PATH: folder } };
  await expect(withLock(folder, options, () => Promise.resolve())).rejects.toThrow(
    /flock \(util-linux\) does not start/,
  );
});
