import { createMetrics } from "@orchestrator/controller-runtime";
import { expect, it } from "vitest";
import { createRunMetrics } from "./run-metrics.ts";

it("counts the runs that have ended by kind, phase and reason", async () => {
  const metrics = createMetrics();
  const runs = createRunMetrics(metrics);
  const run = { kind: "DocsGenerationRun", phase: "Failed", reason: "NodeLost" };
  runs.ended(run);
  runs.ended(run);
  expect(await metrics.registry.getSingleMetricAsString("orchestrator_runs_total")).toContain(
    'orchestrator_runs_total{kind="DocsGenerationRun",phase="Failed",reason="NodeLost"} 2',
  );
});
