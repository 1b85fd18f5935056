import { resources } from "@orchestrator/controller-runtime";
import { attemptName } from "@orchestrator/core";
import { expect, onTestFinished, test } from "vitest";
import { adminClient } from "../support/cluster.ts";
import { createNamespace } from "../support/namespace.ts";
import { startOperator } from "../support/operator.ts";
import { PlayedKubelet } from "../support/played-kubelet.ts";
import { docsRun, docsRuns, implementationRun, implementationRuns, waitForRun } from "../support/runs.ts";
import { waitFor } from "../support/wait.ts";

const operator = "docs-generation-operator";
const signal = () => AbortSignal.timeout(30_000);
const jobName = (runName: string, runUid = "") =>
  attemptName({ prefix: "docs", runName, runUid, round: 1, attempt: 1 });

async function setting(prefix: string) {
  const client = await adminClient();
  onTestFinished(() => client.close());
  return { client, namespace: await createNamespace(client, prefix) };
}

test.each([
  ["Job", "jobs"],
  ["ConfigMap", "configMaps"],
] as const)("a %s that stands under a run's name and is not its own is left alone", async (kind, plural) => {
  const { client, namespace } = await setting("name-conflict");
  await using _ = namespace;
  const key = { namespace: namespace.name, name: "taken" };
  const run = await client.create(docsRuns, docsRun(key.namespace, key.name), { signal: signal() });
  const metadata = { namespace: key.namespace, name: jobName(key.name, run.metadata.uid) };
  const container = { name: "theirs", image: "theirs" };
  const spec = { suspend: true, template: { spec: { restartPolicy: "Never", containers: [container] } } };
  const foreign =
    kind === "Job"
      ? await client.create(
          resources.jobs,
          { apiVersion: "batch/v1", kind, metadata, spec: spec as never },
          { signal: signal() },
        )
      : await client.create(
          resources.configMaps,
          { apiVersion: "v1", kind, metadata, data: { a: "b" } },
          { signal: signal() },
        );

  await using __ = await startOperator({ operator, namespace: namespace.name, client });
  const { status } = await waitForRun(client, docsRuns, key, "to be Failed", ({ phase }) => phase === "Failed");

  expect(status?.conditions).toContainEqual(expect.objectContaining({ type: "Succeeded", reason: "NameConflict" }));
  expect(status?.message).toContain(`${kind} ${metadata.name} exists and does not belong to this run`);
  const after = await client.get(resources[plural], metadata, { signal: signal() });
  expect(after.metadata.uid).toBe(foreign.metadata.uid);
  expect(after.metadata.ownerReferences).toBeUndefined();
});

test("runs of one name in two namespaces, and of two kinds in one, do not touch each other", async () => {
  const { client, namespace: one } = await setting("same-name");
  await using _ = one;
  await using other = await createNamespace(client, "same-name");
  const namespaces = [one.name, other.name];
  await using __ = await startOperator({
    operator,
    namespace: one.name,
    client,
    env: { LEASE_NAMESPACE: one.name },
  });
  await using ___ = await startOperator({ operator, namespace: other.name, client });
  await using ____ = await startOperator({ operator: "task-implementation-operator", namespace: one.name, client });
  for (const namespace of namespaces) {
    await client.create(docsRuns, docsRun(namespace, "twin"), { signal: signal() });
  }
  await client.create(implementationRuns, implementationRun(one.name, "twin"), { signal: signal() });
  const jobs = await waitFor("three Jobs", async (signal) => {
    const lists = namespaces.map((namespace) => client.list(resources.jobs, { namespace, signal }));
    const found = (await Promise.all(lists)).flatMap(({ items }) => items);
    return found.length === 3 ? { done: found } : { pending: found.map(({ metadata }) => metadata.name) };
  });
  expect(new Set(jobs.map(({ metadata }) => metadata.name)).size).toBe(3);

  await client.delete(docsRuns, { namespace: one.name, name: "twin" }, { signal: signal() });
  const left = await waitFor("the Job of the deleted run to go", async (signal) => {
    const { items } = await client.list(resources.jobs, { namespace: one.name, signal });
    return items.length === 1 ? { done: items } : { pending: items.map(({ metadata }) => metadata.name) };
  });
  expect(left[0]?.metadata.ownerReferences).toMatchObject([{ kind: "TaskImplementationRun" }]);
  const untouched = await client.list(resources.jobs, { namespace: other.name, signal: signal() });
  expect(untouched.items.map(({ metadata }) => metadata.deletionTimestamp)).toEqual([undefined]);
});

test("deleting a run removes all it owns and nothing else", async () => {
  const { client, namespace } = await setting("delete-run");
  await using _ = namespace;
  await using __ = await startOperator({ operator, namespace: namespace.name, client });
  const kubelet = new PlayedKubelet(client, namespace.name);
  for (const name of ["kept", "removed"]) {
    await client.create(docsRuns, docsRun(namespace.name, name), { signal: signal() });
    await kubelet.startAgent(name);
    const key = { namespace: namespace.name, name };
    await waitForRun(client, docsRuns, key, "to be Running", ({ phase }) => phase === "Running");
  }
  const owned = async (signal: AbortSignal): Promise<string[]> => {
    const options = { namespace: namespace.name, labelSelector: "app.kubernetes.io/managed-by=orchestrator", signal };
    const [configMaps, jobs, pods] = [resources.configMaps, resources.jobs, resources.pods];
    const lists = [client.list(configMaps, options), client.list(jobs, options), client.list(pods, options)];
    return (await Promise.all(lists)).flatMap(({ items }) =>
      items
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map(({ kind, metadata }) => `${kind} of ${metadata.annotations?.["orchestrator.io/run-name"]}`),
    );
  };
  const both = ["kept", "removed"].flatMap((name) => ["ConfigMap", "Job", "Pod"].map((kind) => `${kind} of ${name}`));
  expect((await owned(signal())).toSorted()).toEqual(both.toSorted());

  await client.delete(docsRuns, { namespace: namespace.name, name: "removed" }, { signal: signal() });
  await waitFor("all that the run owned to go", async (signal) => {
    const left = await owned(signal);
    return left.length === 3 ? { done: left } : { pending: left };
  });
  expect((await owned(signal())).toSorted()).toEqual(["ConfigMap of kept", "Job of kept", "Pod of kept"]);
});
