import { z } from "zod";
import { durationMs } from "../api/duration.ts";
import { backstopMs, gracePeriodMs, type AttemptTiming } from "./check-attempt.ts";

const timeFields = z.object({ pendingTimeout: z.string(), timeout: z.string() }).partial();

/** Reads the times of a spec alone, so that a run under way keeps them even where the rest no longer fits its schema. */
export function timingOf(spec: unknown, defaults: AttemptTiming): AttemptTiming {
  const fields = timeFields.safeParse(spec).data;
  return {
    pendingTimeoutMs: milliseconds(fields?.pendingTimeout, defaults.pendingTimeoutMs),
    timeoutMs: milliseconds(fields?.timeout, defaults.timeoutMs),
  };
}

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

function milliseconds(text: string | undefined, fallback: number): number {
  const parsed = text === undefined ? Number.NaN : durationMs(text);
  return Number.isNaN(parsed) ? fallback : parsed;
}
