import type { Stage } from "../cluster/stage.ts";
import type { ContenderProcess } from "../contender/contender-process.ts";
import { cpuSeconds } from "./process-usage.ts";
import { countsBetween, parseRequestCounts, type RequestCounts } from "./request-counts.ts";

/** How far the processors and the counters of the API server have come. */
export interface Snapshot {
  contender: number;
  apiServer: number;
  etcd: number;
  requests: RequestCounts;
}

export async function takeSnapshot(stage: Stage, contender: ContenderProcess): Promise<Snapshot> {
  const { pids } = stage.controlPlane;
  const requests = await requestCounts(stage);
  return {
    contender: await contender.cpuSeconds(),
    apiServer: await cpuSeconds(pids.get("kube-apiserver") ?? 0),
    etcd: await cpuSeconds(pids.get("etcd") ?? 0),
    requests,
  };
}

export async function requestCounts({ client, signal }: Pick<Stage, "client" | "signal">): Promise<RequestCounts> {
  return parseRequestCounts(await client.request<string>({ method: "GET", path: "/metrics", signal }));
}

/** CPU seconds per 1,000 runs, and `capacity`: the runs/s that two cores could do with nothing else on them and no waiting. */
export function costPerRun(
  before: Snapshot,
  after: Snapshot,
  runs: number,
): { values: Record<string, number>; requests: RequestCounts } {
  const per1000 = (name: "contender" | "apiServer" | "etcd"): number => ((after[name] - before[name]) * 1000) / runs;
  const [contenderCpu, apiServerCpu, etcdCpu] = [per1000("contender"), per1000("apiServer"), per1000("etcd")];
  const requests = Object.entries(countsBetween(before.requests, after.requests));
  return {
    values: { contenderCpu, apiServerCpu, etcdCpu, capacity: 2000 / (contenderCpu + apiServerCpu + etcdCpu) },
    requests: Object.fromEntries(requests.map(([name, count]) => [name, count / runs])),
  };
}
