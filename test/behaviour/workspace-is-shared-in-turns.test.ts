import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Pod, resources } from "@orchestrator/controller-runtime";
import type { RunObject, RunStatus } from "@orchestrator/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { backlog } from "../support/backlog.ts";
import type { RunningOperator } from "../support/operator.ts";
import { implementationRuns, waitForRun } from "../support/runs.ts";
import { waitFor } from "../support/wait.ts";
import { startWorkbench, type Workbench } from "../support/workbench.ts";
import { makeVolume, type TestVolume } from "../support/workspace.ts";

const exec = promisify(execFile);
const soon = () => AbortSignal.timeout(30_000);

let bench: Workbench;
let volume: TestVolume;
let operator: RunningOperator;
beforeAll(async () => {
  bench = await startWorkbench("turns");
  volume = await makeVolume();
  operator = await bench.operator("task-implementation-operator", { env: { WAITING_NOTICE_AFTER: "1s" } });
});
afterAll(async () => {
  await operator.kill();
  await bench[Symbol.asyncDispose]();
  await volume[Symbol.asyncDispose]();
});

/** The task of a run says its name, by which the model knows it. */
async function apply(name: string, spec: Record<string, unknown> = {}, details = ""): Promise<void> {
  const task = { id: 1, title: `Task of ${name}`, details };
  const repository = await bench.repository(name, { ...backlog([task]), ".gitignore": "cache/\n" });
  const run = bench.implementation(name, { repository, workspace: volume.spec, ...spec });
  await bench.client.create(implementationRuns, run, { signal: soon() });
}

const keyOf = (name: string) => ({ namespace: bench.namespace, name });
const hold = (name: string, afterCalls = 1): void => bench.model.holds.hold(`Task of ${name}`, { afterCalls });
const release = (name: string): void => bench.model.holds.release(`Task of ${name}`);

async function toBe(name: string, phase: string, reason?: string): Promise<RunObject> {
  const holds = (status: Partial<RunStatus>): boolean =>
    status.phase === phase &&
    (reason === undefined || status.conditions?.find(({ type }) => type === "Succeeded")?.reason === reason);
  return await waitForRun(bench.client, implementationRuns, keyOf(name), `to be ${phase} ${reason ?? ""}`, holds);
}

async function edit(name: string, spec: Record<string, unknown>): Promise<void> {
  await bench.client.patch(implementationRuns, keyOf(name), { spec }, { type: "merge", signal: soon() });
}

async function podsOf(name: string): Promise<Pod[]> {
  const { items } = await bench.client.list(resources.pods, { namespace: bench.namespace, signal: soon() });
  return items.filter(({ metadata }) => metadata.annotations?.["orchestrator.io/run-name"] === name);
}

/** When the last container of a run's pod has ended. */
async function endOf(name: string): Promise<number> {
  const statuses = (await podsOf(name)).flatMap(({ status }) => [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
  ]);
  return Math.max(...statuses.map(({ state }) => Date.parse(state?.terminated?.finishedAt ?? "")));
}

async function beginningOf(name: string): Promise<number> {
  const created = (await podsOf(name)).map(({ metadata }) => Date.parse(metadata.creationTimestamp ?? ""));
  return Math.min(...created);
}

test("runs of a service wait for each other, say for whom, and find what the one before has left", async () => {
  hold("first");
  await apply("first", {
    verify: ['mkdir -p cache "$HOME/.cache"', 'echo kept | tee cache/by-first "$HOME/.cache/by-first"'],
  });
  const { metadata } = await toBe("first", "Running");
  await apply("second", {
    verify: ['cat cache/by-first "$HOME/.cache/by-first"', "test ! -e services/greeter/round-1.txt"],
  });
  const [pod] = await podsOf("first");
  const waiting = await toBe("second", "Pending", "WorkspaceInUse");
  expect(waiting.status?.message).toBe(
    `The workspace of service greeter is in use by TaskImplementationRun first (pod ${pod?.metadata.name} on ${pod?.spec.nodeName}); runs of a service take turns.`,
  );
  const claims = { namespace: bench.namespace, signal: soon() };
  const [claim, ...others] = (await bench.client.list(resources.persistentVolumeClaims, claims)).items;
  expect(claim?.metadata).toMatchObject({
    name: expect.stringMatching(/^workspace-greeter-[0-9a-f]{10}$/) as string,
    labels: { "app.kubernetes.io/managed-by": "orchestrator", "orchestrator.io/service": "greeter" },
    annotations: { "orchestrator.io/holder": metadata.uid },
  });
  expect(claim?.metadata).not.toHaveProperty("ownerReferences");
  expect(others).toEqual([]);

  release("first");
  await toBe("first", "Succeeded", "Delivered");
  await toBe("second", "Succeeded", "Delivered");
  expect(await beginningOf("second")).toBeGreaterThanOrEqual(await endOf("first"));
});

test("a holder that is cancelled, gone, or waits for its next attempt blocks nobody", async () => {
  for (const name of ["cancelled", "deleted"]) hold(name);
  await apply("cancelled");
  await toBe("cancelled", "Running");
  // Older than the next one by what a notice takes.
  await apply("deleted");
  await toBe("deleted", "Pending", "WorkspaceInUse");
  const backoff = { initial: "10m", max: "10m" };
  await apply("failing", { retryConfig: { maxAgentRetries: 1, backoff } }, "[[rehearse:nothing]]");
  await toBe("failing", "Pending", "WorkspaceInUse");

  await edit("cancelled", { cancel: true });
  await toBe("cancelled", "Cancelled");
  await toBe("deleted", "Running");
  await bench.client.delete(implementationRuns, keyOf("deleted"), { signal: soon() });
  await toBe("failing", "Retrying");
  await apply("last");
  await toBe("last", "Succeeded", "Delivered");
  await toBe("failing", "Retrying");
});

test("a run goes on from what the workspace keeps, though its forge keeps nothing and its pod is gone", async () => {
  bench.forge.faults = { refuseRefs: "refs/orchestrator/" };
  hold("resumed", 3);
  await apply("resumed", { retryConfig: { maxInfrastructureRetries: 1, backoff: { initial: "1s", max: "1s" } } });
  await waitFor("the agent to have written its files", async () =>
    bench.model.holds.held("Task of resumed") > 0 ? { done: true } : { pending: bench.model.requests() },
  );
  const [pod] = await podsOf("resumed");
  await bench.client.delete(resources.pods, { ...keyOf(pod?.metadata.name ?? "") }, { signal: soon() });
  await toBe("resumed", "Retrying");
  release("resumed");
  const { status } = await toBe("resumed", "Succeeded", "Delivered");
  expect(status?.attempts).toMatchObject([{ outcome: "Failed" }, { outcome: "Succeeded", reason: "Delivered" }]);
  const refs = await exec("git", ["-C", bench.forge.repositoryPath("resumed"), "for-each-ref", "refs/orchestrator"]);
  expect(refs.stdout).toBe("");
});
