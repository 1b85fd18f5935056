import { expect, test } from "vitest";
import { usageOf } from "../support/run-reports.ts";
import { startScene, waitForNoJobs } from "../support/run-scene.ts";

const retryConfig = { maxInfrastructureRetries: 3, backoff: { initial: "10m", max: "10m" } };

test("while it waits for its first attempt: no Job is made", async () => {
  await using set = await startScene("cancel-held", { suspend: true });
  await using _ = await set.start();
  await set.toBe("Suspended");
  await set.edit({ cancel: true });
  await set.toBe("Cancelled", "Cancelled");
  expect(await set.jobs()).toEqual([]);
});

test("while its pod waits for a node: the Job is deleted", async () => {
  await using set = await startScene("cancel-pending", {}, "implementation");
  await using _ = await set.start();
  await set.kubelet.pod(set.key.name);
  await set.edit({ cancel: true });
  await set.toBe("Cancelled", "Cancelled");
  await waitForNoJobs(set);
});

test("while the agent works: its pod is told to end, and what it cost and where its work is are kept", async () => {
  await using set = await startScene("cancel-running", { retryConfig });
  const { kubelet, key, toBe } = set;
  await using _ = await set.start();
  await kubelet.startAgent(key.name);
  await toBe("Running");
  await set.edit({ cancel: true });
  await kubelet.toldToEnd(key.name);
  expect((await toBe("Running")).message).toMatch(/^The run was cancelled by spec.cancel. Pod \S+ is ending.$/);
  const result = { branch: "orchestrator/docs/a-run" };
  const gateway = { version: 1, usage: usageOf(4), delivery: { outcome: "NothingDelivered", result } } as const;
  await kubelet.endPod(key.name, { gateway, exitCode: 143, status: { reason: "DeadlineExceeded" } });
  expect(await toBe("Cancelled", "Cancelled")).toMatchObject({
    usage: { turns: 4 },
    totalCostUsd: "0.20",
    result,
    attempts: [{ number: 1, outcome: "Failed", reason: "Cancelled" }],
  });
  expect(await set.jobs()).toHaveLength(1);
  expect(await set.events("Cancelled")).toHaveLength(1);
});

test("while it waits for its next attempt: it ends at once", async () => {
  await using set = await startScene("cancel-retrying", { retryConfig }, "implementation");
  const { kubelet, key, toBe } = set;
  await using _ = await set.start();
  const verdict = { reason: "RepositoryUnreachable", message: "the forge does not answer" } as const;
  await kubelet.failPreparation(key.name, { version: 1, verdict });
  await toBe("Retrying");
  await set.edit({ cancel: true });
  const cancelled = await toBe("Cancelled", "Cancelled");
  expect(cancelled).not.toHaveProperty("nextAttemptAt");
  expect(cancelled).toMatchObject({ attempts: [{ reason: "RepositoryUnreachable" }] });
});
