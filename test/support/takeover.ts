import {
  type KubernetesClient,
  type KubernetesObject,
  resources,
  type WatchEvent,
} from "@orchestrator/controller-runtime";
import type { Phase, RunObject } from "@orchestrator/core";
import type { FaultProxy } from "@orchestrator/fault-kit";
import { startApiProxy } from "./api-proxy.ts";
import { createNamespace } from "./namespace.ts";
import { launchOperator, type RunningOperator, startOperator, unlessItEnds } from "./operator.ts";
import { PlayedKubelet } from "./played-kubelet.ts";
import { phaseOrder } from "./run-history.ts";
import { deliveredBy } from "./run-reports.ts";
import { docsRun, docsRuns } from "./runs.ts";
import { waitFor } from "./wait.ts";

const operator = "docs-generation-operator";
const names = Array.from({ length: 12 }, (_, index) => `run-${index}`);

/** How a leader is lost. */
export interface Loss {
  name: string;
  lose: (leader: RunningOperator, proxy: FaultProxy) => unknown;
  /** The lost leader comes back, after another leads. */
  comeBack: (leader: RunningOperator, proxy: FaultProxy) => unknown;
  /** How it ends: it must not go on. */
  ends: number | string;
}

export const losses: readonly Loss[] = [
  {
    name: "killed",
    lose: (leader) => process.kill(leader.pid, "SIGKILL"),
    comeBack: () => undefined,
    ends: "SIGKILL",
  },
  { name: "paused", lose: (leader) => leader.pause(), comeBack: (leader) => leader.resume(), ends: 1 },
  { name: "cut off", lose: (_, proxy) => proxy.cut(), comeBack: (_, proxy) => proxy.mend(), ends: 1 },
];

export interface Takeover {
  /** From the loss until the standby's controllers run. */
  seconds: number;
  leaderEnded: number | string;
  standbyLog: string;
  /** Runs whose status went back. */
  setbacks: string[];
  /** Of each attempt, those deleted since included. */
  jobsPerAttempt: number[];
  runs: number;
}

/**
 * Loses a leader amid the first Jobs of some runs, and has a warm standby bring all of them to their end. The leader's
 * lease is `lease`; the standby's is so long that no stall of a busy machine takes it.
 */
export async function takeOver(client: KubernetesClient, loss: Loss, lease: Record<string, string>): Promise<Takeover> {
  await using proxy = await startApiProxy(client, { identity: undefined });
  await using namespace = await createNamespace(client, "leader-lost");
  const place = { operator, namespace: namespace.name, client } as const;
  await using leader = await startOperator({ ...place, server: proxy.url, env: lease });
  await using standby = await launchOperator(place);
  await said(standby, "waiting for the lease");
  const stop = new AbortController();
  const seen = follow(client, namespace.name, stop.signal);

  await Promise.all(names.map((run) => apply(client, namespace.name, run)));
  await waitFor("the first Jobs", async () => (seen.jobs.size > 2 ? { done: true } : { pending: seen }), {
    intervalMs: 5,
  });
  const lostAt = performance.now();
  await loss.lose(leader, proxy);
  await said(standby, "controllers are running");
  const seconds = (performance.now() - lostAt) / 1000;
  await loss.comeBack(leader, proxy);
  const leaderEnded = await leader.ended;

  const kubelet = new PlayedKubelet(client, namespace.name);
  await unlessItEnds(standby, Promise.all(names.map((run) => play(kubelet, run))));
  const succeeded = waitFor("every run to succeed", async () => {
    const phases = names.map((run) => seen.phases.get(run)?.at(-1));
    return phases.every((phase) => phase === "Succeeded") ? { done: true } : { pending: phases };
  });
  await unlessItEnds(standby, succeeded);
  stop.abort();
  const jobsPerAttempt = [...seen.jobs.values()].map((uids) => uids.size);
  const standbyLog = standby.output.stdout;
  return { seconds, leaderEnded, standbyLog, setbacks: seen.setbacks(), jobsPerAttempt, runs: names.length };
}

async function apply(client: KubernetesClient, namespace: string, name: string): Promise<void> {
  await client.create(docsRuns, docsRun(namespace, name), { signal: AbortSignal.timeout(30_000) });
}

async function play(kubelet: PlayedKubelet, run: string): Promise<void> {
  await kubelet.startAgent(run);
  await kubelet.endPod(run, { gateway: deliveredBy(1), agent: { version: 1 } });
}

async function said(process: RunningOperator, message: string): Promise<void> {
  await waitFor(
    `an operator to say "${message}"`,
    async () => (process.output.stdout.includes(`"${message}"`) ? { done: true } : { pending: process.output }),
    { intervalMs: 20 },
  );
}

/** What becomes of a namespace: the phases of each run, and the UIDs of the Jobs by name, deleted ones included. */
function follow(client: KubernetesClient, namespace: string, signal: AbortSignal) {
  const phases = new Map<string, Phase[]>();
  const jobs = new Map<string, Set<string>>();
  const noteRun = ({ metadata, status }: RunObject): void => {
    phases.set(metadata.name, [...(phases.get(metadata.name) ?? []), status?.phase ?? "Pending"]);
  };
  const options = { namespace, sendInitialEvents: true, signal };
  void each(client.watch(docsRuns, options), noteRun);
  void each(client.watch(resources.jobs, options), ({ metadata }) => {
    jobs.set(metadata.name, (jobs.get(metadata.name) ?? new Set()).add(metadata.uid ?? ""));
  });
  const setbacks = (): string[] =>
    [...phases].flatMap(([run, seen]) =>
      seen.some((phase, index) => phaseOrder[phase] < phaseOrder[seen[index - 1] ?? "Pending"])
        ? [`${run}: ${seen.join()}`]
        : [],
    );
  return { phases, jobs, setbacks };
}

/** Until the watch is stopped; one that breaks shows as a wait in vain. */
async function each<T extends KubernetesObject>(
  watch: Promise<AsyncIterable<WatchEvent<T>>>,
  note: (object: T) => void,
): Promise<void> {
  try {
    for await (const event of await watch) if (event.type !== "BOOKMARK") note(event.object);
  } catch {
    return;
  }
}
