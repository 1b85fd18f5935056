import type { Metrics } from "@orchestrator/controller-runtime";
import { Counter } from "prom-client";

/** What the operator counts about runs. */
export interface RunMetrics {
  /** Runs that ended, counted by the process that wrote their last status. */
  ended(run: { kind: string; phase: string; reason: string }): void;
}

export function createRunMetrics(metrics: Metrics): RunMetrics {
  const runs = new Counter({
    name: "orchestrator_runs_total",
    help: "Runs that have ended, by kind, phase and reason",
    labelNames: ["kind", "phase", "reason"] as const,
    registers: [metrics.registry],
  });
  return { ended: (run) => runs.inc(run) };
}
