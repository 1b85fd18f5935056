import { type KubernetesClient, resources } from "@orchestrator/controller-runtime";
import type { RunStatus } from "@orchestrator/core";
import { expect, onTestFinished, test } from "vitest";
import { requestsOf } from "../support/audit.ts";
import { adminClient } from "../support/cluster.ts";
import { createNamespace } from "../support/namespace.ts";
import { startOperator } from "../support/operator.ts";
import { PlayedKubelet } from "../support/played-kubelet.ts";
import { docsRun, docsRuns, waitForRun } from "../support/runs.ts";
import { waitFor } from "../support/wait.ts";

const usage = {
  inputTokens: 10,
  outputTokens: 20,
  cacheReadTokens: 0,
  cacheCreationTokens: 0,
  costUsd: "0.12",
  turns: 3,
};
const result = {
  branch: "orchestrator/docs/backlog-docs",
  commit: "c0ffee",
  pullRequest: { number: 7, url: "https://forge.example/team/backlog/pull/7" },
};

const ofARun = [
  "create configmaps",
  "create jobs",
  "patch docsgenerationruns status",
  "create events",
  "patch docsgenerationruns status",
  "create events",
];

/** Plays one run to its end; answers its status. */
async function playRun(client: KubernetesClient, namespace: string, name: string): Promise<RunStatus | undefined> {
  const key = { namespace, name };
  const kubelet = new PlayedKubelet(client, namespace);
  await client.create(docsRuns, docsRun(namespace, name), { signal: AbortSignal.timeout(30_000) });
  await kubelet.startAgent(name);
  await waitForRun(client, docsRuns, key, "to be Running", ({ phase }) => phase === "Running");
  const tasks = { delivered: "1-2", upToDate: "", failed: "" };
  await kubelet.endPod(name, {
    gateway: { version: 1, usage, model: "claude-opus-5-5", delivery: { outcome: "Delivered", result, tasks } },
    agent: { version: 1, sessionId: "session-1", agentVersion: "2.1.330" },
  });
  const { status } = await waitForRun(client, docsRuns, key, "to be Succeeded", ({ phase }) => phase === "Succeeded");
  const job = await kubelet.job(name);
  await waitFor("the Job to be Complete", async (signal) => {
    const { status: seen } = await client.get(resources.jobs, { namespace, name: job.metadata.name }, { signal });
    return seen?.succeeded === 1 ? { done: true } : { pending: seen };
  });
  return status;
}

test("a normal run costs four writes and two events, reads nothing, and the first of its namespace makes a policy", async () => {
  const client = await adminClient();
  onTestFinished(() => client.close());
  await using namespace = await createNamespace(client, "four-writes");
  await using operator = await startOperator({
    operator: "docs-generation-operator",
    namespace: namespace.name,
    client,
    env: { WAITING_NOTICE_AFTER: "1h" },
  });
  const before = await requestsOf(operator.user);
  expect(await playRun(client, namespace.name, "first")).toMatchObject({
    totalCostUsd: "0.12",
    result,
    tasks: { summary: "2/2", total: 2, delivered: 2, upToDate: 0, failed: 0 },
    provenance: { image: "orchestrator/agent:dev", agentVersion: "2.1.330", model: "claude-opus-5-5" },
    attempts: [{ number: 1, outcome: "Succeeded", reason: "Delivered", sessionId: "session-1" }],
  });
  await playRun(client, namespace.name, "second");
  await operator.stop();
  const asked = (await requestsOf(operator.user))
    .slice(before.length)
    .filter((request) => !request.startsWith("watch "));
  expect(asked.toSorted()).toEqual(["create networkpolicies", ...ofARun, ...ofARun].toSorted());
});
