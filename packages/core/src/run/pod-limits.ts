import { backstopMs } from "./check-attempt.ts";
import type { AttemptSettings } from "./job-handler.ts";
import type { AttemptTiming } from "./run-plan.ts";

/** The limits of the pod itself: a backstop behind those that the runner enforces. */
export function podLimits(
  timing: AttemptTiming,
  settings: Pick<AttemptSettings, "gracePeriodMs">,
): { activeDeadlineSeconds: number; terminationGracePeriodSeconds: number } {
  return {
    activeDeadlineSeconds: Math.ceil((timing.pendingTimeoutMs + timing.timeoutMs + backstopMs) / 1000),
    terminationGracePeriodSeconds: Math.ceil(settings.gracePeriodMs / 1000),
  };
}
