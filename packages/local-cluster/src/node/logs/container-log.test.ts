import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ContainerLog } from "./container-log.ts";
import { type LogOptions, parseLogOptions } from "./log-options.ts";
import { lastLogText, readLog } from "./log-reader.ts";

let folder: string;
let log: ContainerLog;
let now: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "log-"));
  now = Date.parse("2026-01-01T00:00:00Z");
  log = await ContainerLog.create(join(folder, "main", "0.log"), () => now);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const plain: LogOptions = { follow: false, previous: false, timestamps: false };

async function read(options: Partial<LogOptions> = {}): Promise<string> {
  let shown = "";
  for await (const piece of readLog({ path: log.path, live: log }, { ...plain, ...options }, signal())) shown += piece;
  return shown;
}

const signal = (): AbortSignal => AbortSignal.timeout(20_000);
const chunks = (...texts: string[]): Readable => Readable.from(texts.map((text) => Buffer.from(text)));

test("lines are joined and split whatever the pieces they come in, and have their time and stream", async () => {
  await log.write("stdout", chunks("on", "e\ntw", "o\n\nthr", "é"));
  await log.write("stderr", chunks("bad\n"));
  await log.close();
  const time = "2026-01-01T00:00:00.000Z";
  expect(await readFile(log.path, "utf8")).toBe(
    ["stdout F one", "stdout F two", "stdout F ", "stdout F thré", "stderr F bad"]
      .map((line) => `${time} ${line}\n`)
      .join(""),
  );
  expect(await read()).toBe("one\ntwo\n\nthré\nbad\n");
  expect(await read({ timestamps: true, tailLines: 1 })).toBe(`${time} bad\n`);
});

test("a line of any length is shown as it was written", async () => {
  const long = "x".repeat(100_000);
  await log.write("stdout", chunks(`${long}\n`, "y".repeat(40_000)));
  await log.close();
  expect(await read()).toBe(`${long}\n${"y".repeat(40_000)}\n`);
});

test("only what is asked for is shown", async () => {
  await log.write("stdout", chunks("early\n"));
  now += 60_000;
  await log.write("stdout", chunks("late\n"));
  await log.close();
  expect(await read({ since: now - 1000 })).toBe("late\n");
  expect(await read({ tailLines: 0 })).toBe("");
  expect(await read({ limitBytes: 7 })).toBe("early\nl");
});

test("a follower sees each line when it is written, and ends with the log", async () => {
  const stream = new PassThrough();
  const writing = log.write("stdout", stream);
  const reading = readLog({ path: log.path, live: log }, { ...plain, follow: true }, signal());
  stream.write("one\n");
  expect((await reading.next()).value).toBe("one\n");
  stream.write("two\n");
  expect((await reading.next()).value).toBe("two\n");
  stream.end();
  await writing;
  await log.close();
  expect((await reading.next()).done).toBe(true);
});

test("the end of a log is at most so many lines and bytes", async () => {
  await log.write("stdout", chunks("one\ntwo\nthree\n"));
  await log.close();
  expect(await lastLogText(log.path, { lines: 2, bytes: 100 })).toBe("two\nthree\n");
  expect(await lastLogText(log.path, { lines: 3, bytes: 6 })).toBe("three\n");
});

test("options are read as the API server sends them", () => {
  const query = new URLSearchParams("follow=true&tailLines=5&timestamps=true&sinceSeconds=10&limitBytes=7");
  expect(parseLogOptions(query, 100_000)).toEqual({
    follow: true,
    previous: false,
    timestamps: true,
    tailLines: 5,
    since: 90_000,
    limitBytes: 7,
  });
  expect(parseLogOptions(new URLSearchParams("sinceTime=2026-01-01T00:00:00Z"), 0).since).toBe(Date.UTC(2026, 0, 1));
  expect(parseLogOptions(new URLSearchParams("tailLines=-1&previous=true"), 0)).toEqual({ ...plain, previous: true });
});
