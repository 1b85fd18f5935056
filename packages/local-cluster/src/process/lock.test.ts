import { mkdtemp, rm, writeFile } from "node:fs/promises";
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
    await expect(waiting).rejects.toThrow("called off");
  });
});

test("whoever has waited while the folder was removed keeps out whoever comes next", async () => {
  const order: string[] = [];
  const work = (name: string, meanwhile: (waiting: Promise<void>) => Promise<void>) => {
    const waiting = Promise.withResolvers<void>();
    const options = { signal: new AbortController().signal, onWait: waiting.resolve, env: process.env };
    const done = withLock(folder, options, async () => {
      order.push(`${name} begins`);
      await meanwhile(waiting.promise);
      order.push(`${name} ends`);
    });
    return { waiting: waiting.promise, done };
  };
  const others: Promise<void>[] = [];
  const first = work("first", async () => {
    const second = work("second", async () => {
      const third = work("third", () => Promise.resolve());
      others.push(third.done);
      await third.waiting;
    });
    others.push(second.done);
    await second.waiting;
    await rm(folder, { recursive: true });
  });
  await first.done;
  while (others.length > 0) await others.shift();
  expect(order).toEqual(["first", "second", "third"].flatMap((name) => [`${name} begins`, `${name} ends`]));
});

test("a lock that cannot be taken says so", async () => {
  const file = join(folder, "file");
  await writeFile(file, "");
  await expect(
    withLock(join(file, "folder"), { signal: new AbortController().signal, onWait: () => {}, env: process.env }, () =>
      Promise.resolve(),
    ),
  ).rejects.toThrow(`the lock ${join(file, "folder")} cannot be taken: ENOTDIR`);
});

test("a machine without flock is told so", async () => {
  const options = { signal: new AbortController().signal, onWait: () => {}, env: { PATH: folder } };
  await expect(withLock(folder, options, () => Promise.resolve())).rejects.toThrow(
    /flock \(util-linux\) does not start/,
  );
});
