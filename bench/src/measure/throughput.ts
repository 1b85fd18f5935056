import { setTimeout as delay } from "node:timers/promises";
import { clear } from "../cluster/clear.ts";
import { createRuns, runNames } from "../cluster/create-runs.ts";
import { PlayedCluster } from "../cluster/played-cluster.ts";
import type { Stage } from "../cluster/stage.ts";
import type { Contender } from "../contender/contender.ts";
import { ContenderProcess } from "../contender/contender-process.ts";
import { costPerRun, takeSnapshot } from "./cost.ts";
import type { Measurement } from "./measurement.ts";

const warmUp = 50;
const lateWorkMs = 1000;

/** `n` runs at once: how fast they succeed, what that costs, and the most memory that it took. */
export async function measureThroughput(
  stage: Stage,
  contender: Contender,
  { n, env = {} }: { n: number; env?: Record<string, string> },
): Promise<Pick<Measurement, "values" | "requests">> {
  await clear(stage);
  await using cluster = await PlayedCluster.start(stage, contender.runs);
  await using program = await ContenderProcess.start(contender, stage, env);
  await burst(stage, { contender, program }, runNames("warm", warmUp));
  await cluster.settled(warmUp);
  return await measureBurst(stage, { contender, program, cluster }, { names: runNames("burst", n), before: warmUp });
}

/** @param before so many runs have settled already */
export async function measureBurst(
  stage: Stage,
  running: { contender: Contender; program: ContenderProcess; cluster: PlayedCluster },
  { names, before }: { names: readonly string[]; before: number },
): Promise<Required<Pick<Measurement, "values" | "requests">>> {
  const { cluster, program } = running;
  await delay(lateWorkMs);
  const start = await takeSnapshot(stage, program);
  const startedAt = performance.now();
  await burst(stage, running, names);
  await cluster.settled(before + names.length);
  const lastAt = Math.max(...names.map((name) => cluster.succeededAt.get(name) ?? 0));
  await delay(lateWorkMs);
  const { values, requests } = costPerRun(start, await takeSnapshot(stage, program), names.length);
  const { now, peak } = await program.memoryMiB();
  const runsPerSecond = (names.length * 1000) / (lastAt - startedAt);
  return { values: { ...values, runsPerSecond, memory: now, peakMemory: peak }, requests };
}

async function burst(
  stage: Stage,
  { contender, program }: { contender: Contender; program: ContenderProcess },
  names: readonly string[],
): Promise<void> {
  const feed = ({ name, uid }: { name: string; uid: string }): void => program.feed(name, uid);
  await createRuns(stage, contender.runs, names, contender.fed ? feed : undefined);
}
