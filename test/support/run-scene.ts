import { type KubernetesClient, resources, type ResourceType } from "@orchestrator/controller-runtime";
import type { RunObject, RunStatus } from "@orchestrator/core";
import { onTestFinished } from "vitest";
import { adminClient } from "./cluster.ts";
import { createNamespace } from "./namespace.ts";
import { type OperatorName, type RunningOperator, startOperator } from "./operator.ts";
import { PlayedKubelet } from "./played-kubelet.ts";
import { RunHistory } from "./run-history.ts";
import { docsRun, docsRuns, implementationRun, implementationRuns } from "./runs.ts";
import { waitFor } from "./wait.ts";

const kinds = {
  docs: { operator: "docs-generation-operator", type: docsRuns, make: docsRun },
  implementation: { operator: "task-implementation-operator", type: implementationRuns, make: implementationRun },
} as const satisfies Record<string, { operator: OperatorName; type: ResourceType<RunObject>; make: typeof docsRun }>;

/** One run in a namespace of its own, whose pods the test plays. */
export interface RunScene extends AsyncDisposable {
  client: KubernetesClient;
  kubelet: PlayedKubelet;
  key: { namespace: string; name: string };
  /** Starts its operator, which sends its requests to `server` (default: the API server). */
  start: (env?: Record<string, string>, server?: string) => Promise<RunningOperator>;
  /**
   * Waits until the run has been as asked, by phase and by the reason of its condition Succeeded, after what was waited for
   * before. Answers its status at that moment.
   */
  toBe: (phase: string, reason?: string) => Promise<RunStatus>;
  status: () => Promise<RunStatus>;
  /** Changes the run's spec, as a person would. */
  edit: (spec: Record<string, unknown>) => Promise<void>;
  /** Names of the run's Jobs that still exist. */
  jobs: () => Promise<string[]>;
  /** Notes of the run's events of that reason, each as often as it was recorded. */
  events: (reason: string) => Promise<string[]>;
}

export async function startScene(
  prefix: string,
  spec: Record<string, unknown> = {},
  kind: keyof typeof kinds = "docs",
): Promise<RunScene> {
  const { operator, type, make } = kinds[kind];
  const client = await adminClient();
  onTestFinished(() => client.close());
  const namespace = await createNamespace(client, prefix);
  const key = { namespace: namespace.name, name: "a-run" };
  await client.create(type, make(key.namespace, key.name, spec), { signal: soon() });
  const history = new RunHistory(client, type, key);
  onTestFinished(() => history[Symbol.asyncDispose]());
  let reached = 0;
  const status = async (): Promise<RunStatus> =>
    (await client.get(type, key, { signal: soon() })).status ?? { phase: "Pending" };
  return {
    client,
    key,
    kubelet: new PlayedKubelet(client, namespace.name),
    start: (env = {}, server = client.connection.server) =>
      startOperator({ operator, namespace: namespace.name, client, env, server }),
    status,
    toBe: (phase, reason) =>
      waitFor(`${type.kind} ${key.name} to be ${phase} ${reason ?? ""}`, async () => {
        const since = history.statuses.slice(reached);
        const index = since.findIndex((status) => isSo(status, phase, reason));
        const found = since[index];
        if (found === undefined) return { pending: since };
        reached += index + 1;
        return { done: found };
      }),
    async edit(changes) {
      await client.patch(type, key, { spec: changes }, { type: "merge", signal: soon() });
    },
    async jobs() {
      const { items } = await client.list(resources.jobs, { namespace: key.namespace, signal: soon() });
      return items.map(({ metadata }) => metadata.name);
    },
    async events(reason) {
      const { items } = await client.list(resources.events, { namespace: key.namespace, signal: soon() });
      return items
        .filter((event) => event.regarding.name === key.name && event.reason === reason)
        .map(({ note }) => note ?? "");
    },
    [Symbol.asyncDispose]: () => namespace.delete(),
  };
}

/** Waits until no Job of the scene's run exists any more. */
export async function waitForNoJobs(scene: RunScene): Promise<void> {
  await waitFor("the run's Jobs to be gone", async () => {
    const jobs = await scene.jobs();
    return jobs.length === 0 ? { done: true } : { pending: jobs };
  });
}

/** Waits until the run itself is gone. */
export async function waitForNoRun({ client, key }: RunScene, kind: keyof typeof kinds = "docs"): Promise<void> {
  await waitFor("the run to be gone", async (signal) => {
    const { items } = await client.list(kinds[kind].type, { namespace: key.namespace, signal });
    return items.length === 0 ? { done: true } : { pending: items.map((run) => run.status) };
  });
}

function isSo({ phase, conditions = [] }: RunStatus, wanted: string, reason: string | undefined): boolean {
  const succeeded = conditions.find((condition) => condition.type === "Succeeded");
  return phase === wanted && (reason === undefined || succeeded?.reason === reason);
}

function soon(): AbortSignal {
  return AbortSignal.timeout(30_000);
}
