import { clear } from "../cluster/clear.ts";
import { createRuns } from "../cluster/create-runs.ts";
import { PlayedCluster } from "../cluster/played-cluster.ts";
import type { Stage } from "../cluster/stage.ts";
import type { Contender } from "../contender/contender.ts";
import { ContenderProcess } from "../contender/contender-process.ts";
import type { Measurement } from "./measurement.ts";

/** A run waits: from the start of the process to seeing the run's Job, in seconds. */
export async function measureStart(stage: Stage, contender: Contender): Promise<Pick<Measurement, "values">> {
  await clear(stage);
  return { values: { startToJob: await startToJob(stage, contender, "waits-00000") } };
}

/** @param name of the run, which is made */
export async function startToJob(stage: Stage, contender: Contender, name: string): Promise<number> {
  await using cluster = await PlayedCluster.start(stage, contender.runs);
  await createRuns(stage, contender.runs, [name]);
  await using program = await ContenderProcess.start(contender, stage);
  await cluster.settled(1);
  return ((cluster.jobAt.get(name) ?? Number.NaN) - program.startedAt) / 1000;
}
