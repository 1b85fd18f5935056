import {
  type KubernetesClient,
  type KubernetesObject,
  resources,
  type WatchEvent,
} from "@orchestrator/controller-runtime";
import type { Phase, RunObject } from "@orchestrator/core";
import type { FaultProxy } from "@orchestrator/fault-kit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { adminClient } from "../support/cluster.ts";
import { startApiProxy } from "../support/api-proxy.ts";
import { createNamespace } from "../support/namespace.ts";
import { launchOperator, type RunningOperator, shortLease, startOperator } from "../support/operator.ts";
import { PlayedKubelet } from "../support/played-kubelet.ts";
import { deliveredBy } from "../support/run-reports.ts";
import { phaseOrder } from "../support/run-history.ts";
import { docsRun, docsRuns } from "../support/runs.ts";
import { waitFor } from "../support/wait.ts";

const operator = "docs-generation-operator";
const names = Array.from({ length: 12 }, (_, index) => `run-${index}`);

let client: KubernetesClient;
/** Lines of a table: how the leader is lost, and seconds until another works. */
const takeovers = ["| leader is | takeover in s, of a lease of 4 s |", "|---|---|"];
beforeAll(async () => {
  client = await adminClient();
});
afterAll(async () => {
  process.stdout.write(`${takeovers.join("\n")}\n`);
  await client.close();
});

interface Loss {
  name: string;
  lose: (leader: RunningOperator, proxy: FaultProxy) => unknown;
  /** The lost leader comes back, after another leads. */
  comeBack: (leader: RunningOperator, proxy: FaultProxy) => unknown;
  /** How it ends: it must not go on. */
  ends: number | string;
}

const losses: Loss[] = [
  { name: "killed", lose: (leader) => process.kill(leader.pid, "SIGKILL"), comeBack: () => undefined, ends: "SIGKILL" },
  { name: "paused", lose: (leader) => leader.pause(), comeBack: (leader) => leader.resume(), ends: 1 },
  { name: "cut off", lose: (_, proxy) => proxy.cut(), comeBack: (_, proxy) => proxy.mend(), ends: 1 },
];

test.concurrent.each(losses)(
  "a standby takes over from a leader that is $name amid its work: one Job an attempt, and no status goes back",
  async ({ name, lose, comeBack, ends }) => {
    await using proxy = await startApiProxy(client, { identity: undefined });
    await using namespace = await createNamespace(client, "leader-lost");
    const place = { operator, namespace: namespace.name, client, bundle: true, env: shortLease } as const;
    await using leader = await startOperator({ ...place, server: proxy.url });
    await using standby = await launchOperator(place);
    await said(standby, "waiting for the lease");
    const stop = new AbortController();
    const seen = follow(namespace.name, stop.signal);

    await Promise.all(names.map((run) => apply(namespace.name, run)));
    await waitFor("the first Jobs", async () => (seen.jobs.size > 2 ? { done: true } : { pending: seen }), {
      intervalMs: 5,
    });
    const lostAt = performance.now();
    await lose(leader, proxy);
    await said(standby, "controllers are running");
    takeovers.push(`| ${name} | ${((performance.now() - lostAt) / 1000).toFixed(2)} |`);
    await comeBack(leader, proxy);
    expect(await leader.ended).toBe(ends);

    const kubelet = new PlayedKubelet(client, namespace.name);
    await Promise.all(names.map((run) => play(kubelet, run)));
    await waitFor("every run to succeed", async () => {
      const phases = names.map((run) => seen.phases.get(run)?.at(-1));
      return phases.every((phase) => phase === "Succeeded") ? { done: true } : { pending: phases };
    });
    stop.abort();
    // Its rights allow it to watch the lease, or it would take over late.
    expect(standby.output.stdout).not.toContain("the lease cannot be watched");
    expect(seen.setbacks()).toEqual([]);
    expect([...seen.jobs.values()].map((uids) => uids.size)).toEqual(names.map(() => 1));
  },
);

async function apply(namespace: string, name: string): Promise<void> {
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
function follow(namespace: string, signal: AbortSignal) {
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
