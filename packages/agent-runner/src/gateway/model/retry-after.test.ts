import { expect, test } from "vitest";
import { retryAfterSeconds } from "./retry-after.ts";

const now = new Date("2026-11-23T12:00:00Z");

test.each([
  [undefined, undefined],
  ["120", 120],
  ["1.2", 2],
  ["0", 0],
  ["Mon, 23 Nov 2026 12:01:30 GMT", 90],
  ["Mon, 23 Nov 2026 11:00:00 GMT", 0],
  ["soon", undefined],
])("%j means %j", (header, seconds) => {
  expect(retryAfterSeconds(header, now)).toBe(seconds);
});
