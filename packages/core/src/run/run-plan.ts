import { z } from "zod";
import { durationMs } from "../api/duration.ts";
import type { RunStatus } from "../api/status.ts";
import { defined } from "./defined.ts";

/** How long an attempt may take, in milliseconds. */
export interface AttemptTiming {
  /** From the Job's creation until the agent starts. */
  pendingTimeoutMs: number;
  /** What the agent may take, enforced in the pod. */
  timeoutMs: number;
  /** How long the agent may give no output, enforced in the pod. */
  stallTimeoutMs: number;
}

export interface RetryPlan {
  maxInfrastructureRetries: number;
  maxAgentRetries: number;
  backoff: { initialMs: number; maxMs: number };
  resumeSession: boolean;
}

/** What a spec says about the life of its run. */
export interface RunPlan {
  timing: AttemptTiming;
  retry: RetryPlan;
  /** For a whole round, in milliseconds. */
  deadlineMs: number;
  suspend: boolean;
  cancel: boolean;
  /** The round that is asked for. */
  contextVersion: number;
  /** From a run's end until it is deleted, in milliseconds; absent: never. */
  retention: { succeededMs?: number; failedMs?: number };
}

/** What a kind of run says where its spec does not. */
export interface RunDefaults {
  /** A Go duration. */
  timeout: string;
  maxAgentRetries: number;
}

const minute = 60_000;
const time = z.string().transform(durationMs).refine(Number.isFinite).optional().catch(undefined);
const count = z.int().min(0).optional().catch(undefined);
const flag = (fallback: boolean) => z.boolean().default(fallback).catch(fallback);

const fields = z.object({
  pendingTimeout: time,
  timeout: time,
  stallTimeout: time,
  deadline: time,
  suspend: flag(false),
  cancel: flag(false),
  contextVersion: z.int().min(1).default(1).catch(1),
  retention: z.object({ succeeded: time, failed: time }).prefault({}).catch({}),
  retryConfig: z
    .object({
      maxInfrastructureRetries: count,
      maxAgentRetries: count,
      backoff: z.object({ initial: time, max: time }).prefault({}).catch({}),
      resumeSession: flag(true),
    })
    .prefault({})
    .catch({ backoff: {}, resumeSession: true }),
});

/** Reads each field of a spec alone, so that a run under way keeps its plan even where the rest no longer fits its schema. */
export function planOf(spec: unknown, defaults: RunDefaults): RunPlan {
  const read = fields.safeParse(spec).data ?? fields.parse({});
  const { suspend, cancel, contextVersion, retention, retryConfig } = read;
  const { backoff } = retryConfig;
  return {
    timing: {
      pendingTimeoutMs: read.pendingTimeout ?? 10 * minute,
      timeoutMs: read.timeout ?? durationMs(defaults.timeout),
      stallTimeoutMs: read.stallTimeout ?? 15 * minute,
    },
    retry: {
      maxInfrastructureRetries: retryConfig.maxInfrastructureRetries ?? 3,
      maxAgentRetries: retryConfig.maxAgentRetries ?? defaults.maxAgentRetries,
      backoff: { initialMs: backoff.initial ?? minute / 6, maxMs: backoff.max ?? 10 * minute },
      resumeSession: retryConfig.resumeSession,
    },
    deadlineMs: read.deadline ?? 24 * 60 * minute,
    suspend,
    cancel,
    contextVersion,
    retention: defined({ succeededMs: retention.succeeded, failedMs: retention.failed }),
  };
}

/** When a run's round ends whatever it does. */
export function deadlineOf(
  { status, createdAt }: { status: RunStatus; createdAt: number },
  { deadlineMs }: Pick<RunPlan, "deadlineMs">,
): number {
  return (Date.parse(status.startTime ?? "") || createdAt) + deadlineMs;
}
