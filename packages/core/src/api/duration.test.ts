import { describe, expect, it } from "vitest";
import { durationMs } from "./duration.ts";

describe("durationMs", () => {
  it.each([
    ["1h30m", 5_400_000],
    ["90s", 90_000],
    ["1.5s", 1500],
    ["250ms", 250],
    ["1m1ms", 60_001],
    ["999999h", 3_599_996_400_000],
  ])("reads %s", (text, milliseconds) => {
    expect(durationMs(text)).toBe(milliseconds);
  });

  it.each(["", "1", "1x", "-1s", "1h ", "h"])("does not read %j", (text) => {
    expect(durationMs(text)).toBeNaN();
  });
});
