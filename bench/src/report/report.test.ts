import { expect, test } from "vitest";
import type { Measurement } from "../measure/measurement.ts";
import { lineChart } from "./line-chart.ts";
import { renderReport } from "./report.ts";

function latency(contender: string, round: number, jobP50: number): Measurement {
  return { part: "latency", contender, n: 200, round, values: { jobP50, jobP99: jobP50 * 2 } };
}

test("ratios are taken within a round, and compared with the goal", () => {
  const report = renderReport([
    latency("docs operator", 0, 10),
    latency("Go operator", 0, 10),
    latency("docs operator", 1, 30),
    latency("Go operator", 1, 24),
    latency("docs operator", 2, 24),
    latency("Go operator", 2, 20),
  ]);
  expect(report).toContain(
    "| create to Job at 5 runs/s, p50, ms | 24.0 (10.0 to 30.0) | 20.0 (10.0 to 24.0) | 1.20 (1.00 to 1.25) | <= 1.1x | no |",
  );
  expect(report).toContain("| <= 1.2x | yes |");
  expect(report).toContain("| Go operator | 200 | 20.0 (10.0 to 24.0) | 40.0 (20.0 to 48.0) | 3 |");
});

test("growth compares a contender with itself", () => {
  const restart = (contender: string, n: number, capacity: number): Measurement => {
    return { part: "restart", contender, n, round: 0, values: { capacity } };
  };
  const report = renderReport([
    restart("docs operator", 100, 100),
    restart("docs operator", 20_000, 95),
    restart("Go operator", 100, 100),
    restart("Go operator", 20_000, 80),
  ]);
  expect(report).toContain("| capacity with 20,000 ended runs, of that with 100 | 0.95 | 0.80 |  | >= 0.9 | yes |");
});

test("a plot begins at zero and has a line for each series", () => {
  const svg = lineChart({
    title: "T",
    labels: ["1", "2"],
    series: [
      { name: "a", values: [0, 10] },
      { name: "b", values: [5, 5] },
    ],
  });
  const points = [...svg.matchAll(/points="([^"]*)"/g)].map(([, found]) => found);
  expect(points).toEqual(["132.5,216.0 317.5,59.6", "132.5,137.8 317.5,137.8"]);
});
