import { setTimeout as delay } from "node:timers/promises";
import { runNames } from "../cluster/create-runs.ts";
import { forget } from "../cluster/forget.ts";
import { PlayedCluster } from "../cluster/played-cluster.ts";
import type { Stage } from "../cluster/stage.ts";
import type { Contender } from "../contender/contender.ts";
import { ContenderProcess } from "../contender/contender-process.ts";
import { requestCounts } from "./cost.ts";
import type { Measurement } from "./measurement.ts";
import { countsBetween, countWrites } from "./request-counts.ts";
import { startToJob } from "./start.ts";
import { measureBurst } from "./throughput.ts";

const lookMs = 100;
/** A tick of the clock by which the kernel counts is 10 ms. */
const quietCpuSeconds = 0.015;
const quietForMs = 3000;
const idleMs = 10_000;

/**
 * Started where runs have ended already: what it writes, when it has nothing more to do, its memory some seconds later, what a
 * burst of `n` further runs costs then, and how long a run that waits for the start has to wait. Leaves the ended runs alone.
 */
export async function measureRestart(
  stage: Stage,
  contender: Contender,
  { n }: { n: number },
): Promise<Pick<Measurement, "values">> {
  const names = runNames("more", n);
  const values = await measureRun(stage, contender, names);
  const waiting = "waits-00000";
  const startToJobSeconds = await startToJob(stage, contender, waiting);
  await forget(stage, contender.runs, [...names, waiting]);
  return { values: { ...values, startToJob: startToJobSeconds } };
}

async function measureRun(
  stage: Stage,
  contender: Contender,
  names: readonly string[],
): Promise<Measurement["values"]> {
  await using cluster = await PlayedCluster.start(stage, contender.runs);
  const before = await requestCounts(stage);
  await using program = await ContenderProcess.start(contender, stage);
  const quiet = await untilQuiet(program);
  await delay(idleMs);
  const writes = countWrites(countsBetween(before, await requestCounts(stage)));
  const { now: idleMemory, peak: startMemory } = await program.memoryMiB();
  const { values } = await measureBurst(stage, { contender, program, cluster }, { names, before: 0 });
  return { ...values, ...quiet, writes, idleMemory, startMemory };
}

/** Quiet is no more than one tick of CPU in 100 ms, for three seconds. */
async function untilQuiet(program: ContenderProcess): Promise<{ quietAfter: number; quietCpu: number }> {
  let last = 0;
  let quietSince = program.startedAt;
  while (performance.now() - quietSince < quietForMs) {
    await delay(lookMs);
    const cpu = await program.cpuSeconds();
    if (cpu - last > quietCpuSeconds) quietSince = performance.now();
    last = cpu;
  }
  return { quietAfter: (quietSince - program.startedAt) / 1000, quietCpu: last };
}
