import { expect, it } from "vitest";
import { podLimits } from "./pod-limits.ts";

it("gives the pod a limit behind those that the runner enforces", () => {
  const timing = { pendingTimeoutMs: 600_000, timeoutMs: 3_600_500, stallTimeoutMs: 1 };
  expect(podLimits(timing, { gracePeriodMs: 1_500 })).toEqual({
    activeDeadlineSeconds: 600 + 3601 + 300,
    terminationGracePeriodSeconds: 2,
  });
});
