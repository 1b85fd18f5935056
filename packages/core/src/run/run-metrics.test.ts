import { createMetrics } from "@orchestrator/controller-runtime";
import { expect, it } from "vitest";
import { createRunMetrics } from "./run-metrics.ts";

const kind = "DocsGenerationRun";

function scene() {
  const metrics = createMetrics();
  const shown = (name: string) => metrics.registry.getSingleMetricAsString(name);
  return { runs: createRunMetrics(metrics), shown };
}

it("counts attempts and rounds that have ended, by kind and reason", async () => {
  const { runs, shown } = scene();
  runs.attemptEnded(kind, "PodEvicted");
  runs.attemptEnded(kind, "NodeLost");
  runs.roundEnded(kind, "NodeLost", { phase: "Failed" });
  runs.roundEnded(kind, "NodeLost", { phase: "Failed" });
  expect(await shown("orchestrator_attempts_total")).toContain(
    `orchestrator_attempts_total{kind="${kind}",reason="PodEvicted"} 1`,
  );
  expect(await shown("orchestrator_runs_total")).toContain(
    `orchestrator_runs_total{kind="${kind}",phase="Failed",reason="NodeLost"} 2`,
  );
  expect(await shown("orchestrator_run_duration_seconds")).not.toContain("_count{");
});

it("tells what a round took: time, money and tokens", async () => {
  const { runs, shown } = scene();
  runs.roundEnded(kind, "Delivered", {
    phase: "Succeeded",
    startTime: "2026-01-01T00:00:00Z",
    completionTime: "2026-01-01T00:05:00Z",
    usage: {
      inputTokens: 1,
      outputTokens: 2,
      cacheReadTokens: 3,
      cacheCreationTokens: 4,
      turns: 5,
      costUsd: "0.75",
    },
  });
  const labels = `kind="${kind}",phase="Succeeded"`;
  expect(await shown("orchestrator_run_duration_seconds")).toContain(`_sum{${labels}} 300`);
  expect(await shown("orchestrator_run_cost_usd")).toContain(`_sum{${labels}} 0.75`);
  const tokens = await shown("orchestrator_tokens_total");
  for (const [type, count] of [
    ["input", 1],
    ["output", 2],
    ["cache_read", 3],
    ["cache_creation", 4],
  ]) {
    expect(tokens).toContain(`{kind="${kind}",type="${type}"} ${count}`);
  }
});
