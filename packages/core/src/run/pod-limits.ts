import { backstopMs, gracePeriodMs } from "./check-attempt.ts";
import type { AttemptTiming } from "./run-plan.ts";

/** The limits of the pod itself: a backstop behind those that the runner enforces. */
export function podLimits(timing: AttemptTiming): {
  activeDeadlineSeconds: number;
  terminationGracePeriodSeconds: number;
} {
  return {
    activeDeadlineSeconds: Math.ceil((timing.pendingTimeoutMs + timing.timeoutMs + backstopMs) / 1000),
    terminationGracePeriodSeconds: gracePeriodMs / 1000,
  };
}
