import { expect, it } from "vitest";
import { podLimits } from "./pod-limits.ts";

it("gives the pod a limit behind those that the runner enforces", () => {
  expect(podLimits({ pendingTimeoutMs: 600_000, timeoutMs: 3_600_500, stallTimeoutMs: 1 }, {})).toEqual({
    activeDeadlineSeconds: 600 + 3601 + 300,
    terminationGracePeriodSeconds: 90,
  });
  expect(podLimits({ pendingTimeoutMs: 1, timeoutMs: 1, stallTimeoutMs: 1 }, { gracePeriodMs: 1_500 })).toMatchObject({
    terminationGracePeriodSeconds: 2,
  });
});
