import type { Metrics } from "@orchestrator/controller-runtime";
import { Counter, Histogram } from "prom-client";
import type { RunStatus } from "../api/status.ts";
import type { Reason } from "./reason.ts";

/** What the operator counts about runs; each end is counted by the process that wrote it. */
export interface RunMetrics {
  attemptEnded(kind: string, reason: Reason): void;
  /** `status` is that of the round which has ended. */
  roundEnded(kind: string, reason: Reason, status: RunStatus): void;
}

const durationBuckets = [30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800, 86_400];
const costBuckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100];

export function createRunMetrics(metrics: Metrics): RunMetrics {
  const registers = [metrics.registry];
  const attempts = new Counter({
    name: "orchestrator_attempts_total",
    help: "Attempts that have ended, by kind and reason",
    labelNames: ["kind", "reason"] as const,
    registers,
  });
  const runs = new Counter({
    name: "orchestrator_runs_total",
    help: "Rounds of runs that have ended, by kind, phase and reason",
    labelNames: ["kind", "phase", "reason"] as const,
    registers,
  });
  const duration = new Histogram({
    name: "orchestrator_run_duration_seconds",
    help: "How long a round took from its start to its end, by kind and phase",
    labelNames: ["kind", "phase"] as const,
    buckets: durationBuckets,
    registers,
  });
  const cost = new Histogram({
    name: "orchestrator_run_cost_usd",
    help: "What a round cost in US dollars, by kind and phase, where the price is known",
    labelNames: ["kind", "phase"] as const,
    buckets: costBuckets,
    registers,
  });
  const tokens = new Counter({
    name: "orchestrator_tokens_total",
    help: "Tokens that rounds have used, counted at their end, by kind and type",
    labelNames: ["kind", "type"] as const,
    registers,
  });
  return {
    attemptEnded: (kind, reason) => attempts.inc({ kind, reason }),
    roundEnded(kind, reason, { phase, startTime, completionTime, usage }) {
      runs.inc({ kind, phase, reason });
      const seconds = (Date.parse(completionTime ?? "") - Date.parse(startTime ?? "")) / 1000;
      if (seconds >= 0) duration.observe({ kind, phase }, seconds);
      if (usage === undefined) return;
      if (usage.costUsd !== undefined) cost.observe({ kind, phase }, Number(usage.costUsd));
      tokens.inc({ kind, type: "input" }, usage.inputTokens);
      tokens.inc({ kind, type: "output" }, usage.outputTokens);
      tokens.inc({ kind, type: "cache_read" }, usage.cacheReadTokens);
      tokens.inc({ kind, type: "cache_creation" }, usage.cacheCreationTokens);
    },
  };
}
