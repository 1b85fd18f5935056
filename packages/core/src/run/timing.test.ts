import { expect, it } from "vitest";
import { podLimits, timingOf } from "./timing.ts";

const defaults = { pendingTimeoutMs: 1, timeoutMs: 2 };

it.each([
  [
    { pendingTimeout: "10m", timeout: "1h30m" },
    { pendingTimeoutMs: 600_000, timeoutMs: 5_400_000 },
  ],
  [{ timeout: "45s" }, { pendingTimeoutMs: 1, timeoutMs: 45_000 }],
  [
    { pendingTimeout: "soon", timeout: "1h" },
    { pendingTimeoutMs: 1, timeoutMs: 3_600_000 },
  ],
  [{ timeout: 7 }, defaults],
  [undefined, defaults],
])("of %j", (spec, timing) => {
  expect(timingOf(spec, defaults)).toEqual(timing);
});

it("gives the pod a limit behind those that the runner enforces", () => {
  expect(podLimits({ pendingTimeoutMs: 600_000, timeoutMs: 3_600_500 })).toEqual({
    activeDeadlineSeconds: 600 + 3601 + 300,
    terminationGracePeriodSeconds: 90,
  });
});
