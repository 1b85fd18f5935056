import { resources } from "@orchestrator/controller-runtime";
import { expect, onTestFinished, test } from "vitest";
import { kubectlOk } from "../support/cluster.ts";
import { deliveredBy } from "../support/run-reports.ts";
import { type RunScene, startScene, waitForNoJobs } from "../support/run-scene.ts";
import { docsRun, docsRuns, waitForRun } from "../support/runs.ts";
import { waitFor } from "../support/wait.ts";

const signal = () => AbortSignal.timeout(30_000);
const delivered = deliveredBy(1);

async function deleteJob(set: RunScene): Promise<void> {
  const { client, kubelet, key } = set;
  const { metadata } = await kubelet.job(key.name);
  const jobKey = { namespace: key.namespace, name: metadata.name };
  await client.delete(resources.jobs, jobKey, { propagationPolicy: "Background", signal: signal() });
  await waitForNoJobs(set);
}

test("a run that has succeeded stays so when its Job, pod and ConfigMap are deleted, and the operator starts again", async () => {
  await using set = await startScene("stays");
  const { client, kubelet, key, start, toBe } = set;
  const first = await start();
  onTestFinished(async () => void (await first.kill()));
  await kubelet.endPod(key.name, { gateway: delivered });
  await toBe("Succeeded", "Delivered");
  const { metadata, status } = await client.get(docsRuns, key, { signal: signal() });
  await first.kill();
  await deleteJob(set);
  await kubectlOk(["delete", "configmaps", "-l", "orchestrator.io/round=1", "-n", key.namespace]);
  const { items } = await client.list(resources.configMaps, { namespace: key.namespace, signal: signal() });
  expect(items.filter(({ metadata: { labels } }) => labels?.["orchestrator.io/round"])).toEqual([]);

  await using _ = await start();
  const marker = { namespace: key.namespace, name: "after" };
  await client.create(docsRuns, docsRun(marker.namespace, marker.name), { signal: signal() });
  await kubelet.endPod("after", { gateway: delivered });
  await waitForRun(client, docsRuns, marker, "to be Succeeded", ({ phase }) => phase === "Succeeded");
  const after = await client.get(docsRuns, key, { signal: signal() });
  expect(after.status).toEqual(status);
  expect(after.metadata.resourceVersion).toBe(metadata.resourceVersion);
});

test("a run that skips Running because its pod was quick still ends right", async () => {
  await using set = await startScene("quick", {});
  const first = await set.start();
  await set.kubelet.pod(set.key.name);
  await first.kill();
  await set.kubelet.endPod(set.key.name, { gateway: delivered });
  await using _ = await set.start();
  await set.toBe("Succeeded", "Delivered");
  const { items } = await set.client.list(resources.jobs, { namespace: set.key.namespace, signal: signal() });
  expect(items).toHaveLength(1);
});

test.each([
  ["waits", false],
  ["works", true],
])("a run whose Job is deleted while it %s fails as JobDeleted and makes no other", async (_, working) => {
  await using set = await startScene("job-deleted");
  await using __ = await set.start();
  await set.kubelet.pod(set.key.name);
  if (working) {
    await set.kubelet.startAgent(set.key.name);
    await set.toBe("Running");
  }
  await deleteJob(set);
  await set.toBe("Failed", "JobDeleted");
  const { items } = await set.client.list(resources.jobs, { namespace: set.key.namespace, signal: signal() });
  expect(items).toEqual([]);
});

test("a run that waits says why, and ends when pendingTimeout is over, with its Job stopped", async () => {
  await using set = await startScene("waits", { pendingTimeout: "6s" });
  await using _ = await set.start({ WAITING_NOTICE_AFTER: "1s" });
  await set.toBe("Pending", "Unschedulable");
  await set.toBe("Failed", "Unschedulable");
  await waitForNoJobs(set);
  const described = await kubectlOk(["describe", "dgr", set.key.name, "-n", set.key.namespace]);
  expect(described).toMatch(/Warning\s+Failed\s+.*Unschedulable: The agent did not start within spec.pendingTimeout/);
});

test("what prepare says ends the run with its words", async () => {
  await using set = await startScene("prepare");
  await using _ = await set.start();
  const verdict = { reason: "MissingSecret", message: 'Secret "forge" has no key "token"' } as const;
  await set.kubelet.failPreparation(set.key.name, { version: 1, verdict });
  await set.toBe("Failed", "MissingSecret");
  const { status } = await set.client.get(docsRuns, set.key, { signal: signal() });
  expect(status?.message).toMatch(/^Secret "forge" has no key "token"\. Create it/);
});

test("a live Job of a run that has ended is stopped when it is seen", async () => {
  await using set = await startScene("late");
  const first = await set.start();
  await set.kubelet.pod(set.key.name);
  await first.kill();
  const status = { phase: "Failed", message: "ended by another" };
  const options = { type: "merge", subresource: "status", signal: signal() } as const;
  await set.client.patch(docsRuns, set.key, { status }, options);
  await using _ = await set.start();
  await waitForNoJobs(set);
  expect((await set.client.get(docsRuns, set.key, { signal: signal() })).status).toMatchObject(status);
});

test("a quota that forbids the Job is told, and the run goes on when it is lifted", async () => {
  await using set = await startScene("quota");
  const { namespace } = set.key;
  await kubectlOk(["create", "quota", "no-jobs", "--hard=count/jobs.batch=0", "-n", namespace]);
  await waitFor("the quota to be counted", async () => {
    const used = await kubectlOk(["get", "quota", "no-jobs", "-n", namespace, "-o", "jsonpath={.status.used}"]);
    return used === "" ? { pending: used } : { done: used };
  });
  await using _ = await set.start({ WAITING_NOTICE_AFTER: "1s" });
  await set.toBe("Pending", "PodNotCreated");
  await kubectlOk(["delete", "quota", "no-jobs", "-n", namespace]);
  await set.kubelet.endPod(set.key.name, { gateway: delivered });
  await set.toBe("Succeeded", "Delivered");
  const { items } = await set.client.list(resources.jobs, { namespace, signal: signal() });
  expect(items).toHaveLength(1);
});
