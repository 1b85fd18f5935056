import type { Stage } from "./cluster/stage.ts";
import { clear } from "./cluster/clear.ts";
import { runNames } from "./cluster/create-runs.ts";
import { makeEndedRuns } from "./cluster/ended-runs.ts";
import type { BenchConfig } from "./config.ts";
import { type Contender, docsOperator, floor, goOperator, implementationOperator } from "./contender/contender.ts";
import { checkCounts, checkRestart } from "./measure/check-counts.ts";
import { measureLatency } from "./measure/latency.ts";
import type { Measurement } from "./measure/measurement.ts";
import { measureRestart } from "./measure/restart.ts";
import { measureStart } from "./measure/start.ts";
import { orderOf } from "./measure/statistics.ts";
import { measureThroughput } from "./measure/throughput.ts";

export const partNames = ["requests", "throughput", "latency", "start", "restart"] as const;
export type PartName = (typeof partNames)[number];

type Measure = (contender: Contender) => Promise<Pick<Measurement, "values" | "requests">>;
type Tell = (measurement: Measurement) => void;

interface Size {
  n: number;
  rounds: number;
  contenders: readonly Contender[];
}

const ours = [docsOperator, implementationOperator];
const main = [docsOperator, goOperator, floor];
const pair = [docsOperator, goOperator];

const sizes: Record<PartName, readonly Size[]> = {
  requests: [{ n: 100, rounds: 1, contenders: ours }],
  throughput: [
    { n: 1000, rounds: 7, contenders: main },
    { n: 5000, rounds: 3, contenders: pair },
  ],
  latency: [{ n: 200, rounds: 3, contenders: main }],
  start: [{ n: 1, rounds: 7, contenders: [...pair, implementationOperator] }],
  restart: [
    { n: 100, rounds: 3, contenders: pair },
    { n: 1000, rounds: 3, contenders: pair },
    { n: 5000, rounds: 3, contenders: pair },
    { n: 20_000, rounds: 1, contenders: pair },
  ],
};

const burstAfterRestart = 500;

/** Measures one part and tells of each measurement. */
export async function runPart(stage: Stage, part: PartName, config: BenchConfig, tell: Tell): Promise<void> {
  if (part === "restart") await clear(stage);
  let ended = 0;
  for (const { n, rounds, contenders } of sizesOf(part, config)) {
    if (part === "restart") {
      await makeEndedRuns(stage, docsOperator.runs, runNames("ended", n).slice(ended));
      ended = n;
    }
    await runRounds({ part, n, rounds, contenders }, measureOf(stage, part, n), tell);
  }
}

function sizesOf(part: PartName, { n, rounds }: BenchConfig): Size[] {
  const chosen = n === undefined ? sizes[part] : sizes[part].slice(0, 1).map((size) => ({ ...size, n }));
  return chosen.map((size) => ({ ...size, rounds: rounds ?? size.rounds }));
}

async function runRounds(
  { part, n, rounds, contenders }: Size & { part: PartName },
  measure: Measure,
  tell: Tell,
): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    for (const contender of orderOf(contenders, round)) {
      tell({ part, contender: contender.name, n, round, ...(await measure(contender)) });
    }
  }
}

function measureOf(stage: Stage, part: PartName, n: number): Measure {
  switch (part) {
    case "requests":
      return async (contender) => {
        const measured = await measureThroughput(stage, contender, { n, env: { RECORD_EVENTS: "true" } });
        return checkCounts(contender, measured, { events: 2 });
      };
    case "throughput":
      return async (contender) =>
        checkCounts(contender, await measureThroughput(stage, contender, { n }), { events: 0 });
    case "latency":
      return (contender) => measureLatency(stage, contender, { n });
    case "start":
      return (contender) => measureStart(stage, contender);
    case "restart":
      return async (contender) =>
        checkRestart(contender, await measureRestart(stage, contender, { n: burstAfterRestart }));
  }
}
