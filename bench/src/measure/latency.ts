import { setTimeout as delay } from "node:timers/promises";
import { clear } from "../cluster/clear.ts";
import { createRuns, runNames } from "../cluster/create-runs.ts";
import { PlayedCluster } from "../cluster/played-cluster.ts";
import type { Stage } from "../cluster/stage.ts";
import type { Contender } from "../contender/contender.ts";
import { ContenderProcess } from "../contender/contender-process.ts";
import type { Measurement } from "./measurement.ts";
import { quantile } from "./statistics.ts";

const warmUp = 50;
const intervalMs = 200;

/** `n` runs, five a second: from sending a run to seeing its Job, in milliseconds. */
export async function measureLatency(
  stage: Stage,
  contender: Contender,
  { n }: { n: number },
): Promise<Pick<Measurement, "values">> {
  await clear(stage);
  await using cluster = await PlayedCluster.start(stage, contender.runs);
  await using program = await ContenderProcess.start(contender, stage);
  const feed = ({ name, uid }: { name: string; uid: string }): void => program.feed(name, uid);
  const create = (names: string[]) => createRuns(stage, contender.runs, names, contender.fed ? feed : undefined);
  await create(runNames("warm", warmUp));
  await cluster.settled(warmUp);
  const sentAt = new Map<string, number>();
  const created: Promise<unknown>[] = [];
  for (const name of runNames("steady", n)) {
    await delay(intervalMs, undefined, { signal: stage.signal });
    sentAt.set(name, performance.now());
    created.push(create([name]));
  }
  await Promise.all(created);
  await cluster.settled(warmUp + n);
  const times = [...sentAt].map(([name, at]) => (cluster.jobAt.get(name) ?? Number.NaN) - at);
  return { values: { jobP50: quantile(times, 0.5), jobP99: quantile(times, 0.99) } };
}
