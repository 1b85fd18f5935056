import { resources } from "@orchestrator/controller-runtime";
import type { GatewayMessage } from "@orchestrator/core";
import { expect, test } from "vitest";
import { deliveredBy, usageOf } from "../support/run-reports.ts";
import { type RunScene, startScene } from "../support/run-scene.ts";

const retryConfig = { maxInfrastructureRetries: 1, backoff: { initial: "1s", max: "2s" } };

const after: Record<string, (set: RunScene, gateway: GatewayMessage) => Promise<void>> = {
  "its pod was evicted": async ({ kubelet, key }, gateway) => {
    await kubelet.evict(key.name, gateway);
  },
  "it was cancelled": async ({ kubelet, key, edit }, gateway) => {
    await edit({ cancel: true });
    await kubelet.toldToEnd(key.name);
    await kubelet.endPod(key.name, { gateway, exitCode: 143, status: { reason: "DeadlineExceeded" } });
  },
  "its agent's container ran out of memory": async ({ kubelet, key }, gateway) => {
    await kubelet.endPod(key.name, { gateway, exitCode: 137 });
  },
  "its pod was deleted": async ({ client, kubelet, key }, gateway) => {
    const { metadata } = await kubelet.pod(key.name);
    const pod = { namespace: key.namespace, name: metadata.name };
    const signal = AbortSignal.timeout(30_000);
    await client.delete(resources.pods, pod, { gracePeriodSeconds: 30, signal });
    await kubelet.endPod(key.name, { gateway, exitCode: 143 });
  },
};

test.each(Object.keys(after))("delivered, then %s: Succeeded", async (what) => {
  await using set = await startScene("counts", { retryConfig }, "implementation");
  await using _ = await set.start();
  await set.kubelet.startAgent(set.key.name);
  await set.toBe("Running");
  await after[what]?.(set, deliveredBy(1));
  const { attempts = [] } = await set.toBe("Succeeded", "Delivered");
  expect(attempts).toMatchObject([{ number: 1, reason: "Delivered" }]);
  // Its own is gone where it had not ended before the run.
  expect((await set.jobs()).filter((job) => job !== attempts[0]?.jobName)).toEqual([]);
});

test("a delivery that a lost attempt could not report is found by the next one, which needs no agent", async () => {
  await using set = await startScene("found", { retryConfig });
  const { kubelet, key, toBe } = set;
  await using _ = await set.start();
  await kubelet.startAgent(key.name);
  await toBe("Running");
  const conditions = [
    { type: "DisruptionTarget", status: "True", reason: "DeletionByTaintManager", message: "no answer" },
  ];
  await kubelet.endPod(key.name, { exitCode: 137, status: { conditions } });
  const { message, attempts } = await toBe("Retrying");
  expect(attempts).toMatchObject([{ number: 1, reason: "NodeLost" }]);
  expect(message).toContain("since it last handed in its work is not known, and not counted");
  await kubelet.endPod(key.name, { gateway: { ...deliveredBy(0), roundUsage: usageOf(3) } }, 2);
  expect(await toBe("Succeeded", "Delivered")).toMatchObject({ usage: { turns: 3, costUsd: "0.15" } });
});

test("a part of the tasks, delivered before it was cancelled, is no success, and is told", async () => {
  await using set = await startScene("part", {});
  const { kubelet, key, toBe, edit } = set;
  await using _ = await set.start();
  await kubelet.startAgent(key.name);
  await toBe("Running");
  await edit({ cancel: true });
  const result = { pullRequest: { number: 7, url: "https://forge.example/pull/7" } };
  const tasks = { delivered: "1", upToDate: "", failed: "2" };
  const gateway = { version: 1, usage: usageOf(1), delivery: { outcome: "IncompleteDocs", result, tasks } } as const;
  await kubelet.endPod(key.name, { gateway, exitCode: 143 });
  const { conditions, result: told } = await toBe("Cancelled", "Cancelled");
  expect(told).toEqual(result);
  expect(conditions).toContainEqual(
    expect.objectContaining({
      type: "Delivered",
      status: "False",
      message: `A part was delivered: ${result.pullRequest.url}`,
    }),
  );
});
