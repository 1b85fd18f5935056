import { type KubernetesClient, resources } from "@orchestrator/controller-runtime";
import type { RunStatus } from "@orchestrator/core";
import { expect, onTestFinished, test } from "vitest";
import { requestsOf } from "../support/audit.ts";
import { adminClient } from "../support/cluster.ts";
import { createNamespace } from "../support/namespace.ts";
import { isIdle, startOperator } from "../support/operator.ts";
import { PlayedKubelet } from "../support/played-kubelet.ts";
import { docsRun, docsRuns, waitForRun } from "../support/runs.ts";
import { waitFor } from "../support/wait.ts";

const endedRuns = 500;

/** Lets a run live to its end and answers its status. */
async function liveOnce(
  client: KubernetesClient,
  key: { namespace: string; name: string },
): Promise<Partial<RunStatus>> {
  const kubelet = new PlayedKubelet(client, key.namespace);
  await client.create(docsRuns, docsRun(key.namespace, key.name), { signal: AbortSignal.timeout(30_000) });
  await kubelet.startAgent(key.name);
  await waitForRun(client, docsRuns, key, "to be Running", ({ phase }) => phase === "Running");
  const usage = { inputTokens: 1, outputTokens: 1, cacheReadTokens: 0, cacheCreationTokens: 0, turns: 1 };
  await kubelet.endPod(key.name, { gateway: { version: 1, usage, delivery: { outcome: "UpToDate" } } });
  const { status = {} } = await waitForRun(client, docsRuns, key, "to end", ({ phase }) => phase === "Succeeded");
  return status;
}

/** Makes a run that has ended like another one. */
async function makeEnded(
  client: KubernetesClient,
  key: { namespace: string; name: string },
  status: Partial<RunStatus>,
): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  await client.create(docsRuns, docsRun(key.namespace, key.name), { signal });
  await client.patch(docsRuns, key, { status }, { type: "merge", subresource: "status", signal });
}

test(`an operator that is started with ${endedRuns} ended runs writes nothing and reads no object`, async () => {
  const client = await adminClient();
  onTestFinished(() => client.close());
  await using namespace = await createNamespace(client, "restart");
  const first = await startOperator({ operator: "docs-generation-operator", namespace: namespace.name, client });
  await using _first = first;
  const status = await liveOnce(client, { namespace: namespace.name, name: "lived" });
  await first.stop();
  const others = Array.from({ length: endedRuns - 1 }, (_, index) => ({
    namespace: namespace.name,
    name: `e-${index}`,
  }));
  await Promise.all(others.map((key) => makeEnded(client, key, status)));
  const before = await requestsOf(first.user);

  await using second = await first.again();
  await waitFor("the operator to have seen all runs", (signal) => isIdle(second, signal, { reconciles: endedRuns }));
  await second.stop();

  const kinds = [docsRuns, resources.jobs, resources.pods, resources.networkPolicies].map(({ plural }) => plural);
  const asked = (await requestsOf(first.user)).slice(before.length);
  const allowed = kinds.flatMap((plural) => [`list ${plural}`, `watch ${plural}`]);
  expect(asked.filter((request) => !allowed.includes(request))).toEqual([]);
  expect(asked).toEqual(expect.arrayContaining([`watch ${docsRuns.plural}`]));
});
