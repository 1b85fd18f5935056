import { expect, test } from "vitest";
import { deliveredBy, usageOf } from "../support/run-reports.ts";
import { startScene } from "../support/run-scene.ts";

test("a run that is suspended from the start begins when it is let go", async () => {
  await using set = await startScene("held", { suspend: true }, "implementation");
  const { kubelet, key, toBe } = set;
  await using _ = await set.start();
  expect((await toBe("Suspended")).message).toContain("spec.suspend");
  expect(await set.jobs()).toEqual([]);
  await set.edit({ suspend: false });
  await kubelet.endPod(key.name, { gateway: deliveredBy(1) });
  await toBe("Succeeded", "Delivered");
  expect(await set.events("Suspended")).toHaveLength(1);
  expect(await set.events("Resumed")).toHaveLength(1);
});

test("an attempt under way goes on, and the next one is held", async () => {
  const retryConfig = { maxInfrastructureRetries: 1, backoff: { initial: "1s", max: "2s" } };
  await using set = await startScene("held-later", { retryConfig });
  const { kubelet, key, toBe } = set;
  await using _ = await set.start();
  await kubelet.startAgent(key.name);
  await toBe("Running");
  await set.edit({ suspend: true });
  await kubelet.evict(key.name, { version: 1, usage: usageOf(1), resumable: true });
  expect(await toBe("Suspended")).toMatchObject({ attempts: [{ reason: "PodEvicted" }] });
  expect(await set.jobs()).toHaveLength(1);
  await set.edit({ suspend: false });
  await kubelet.endPod(key.name, { gateway: deliveredBy(1) }, 2);
  await toBe("Succeeded", "Delivered");
});

test("a run that waits for its next attempt is held, and goes on when it is let go", async () => {
  const retryConfig = { maxInfrastructureRetries: 1, backoff: { initial: "3s", max: "3s" } };
  await using set = await startScene("held-waiting", { retryConfig }, "implementation");
  const { kubelet, key, toBe } = set;
  await using _ = await set.start();
  await kubelet.startAgent(key.name);
  await kubelet.evict(key.name, { version: 1, usage: usageOf(1), resumable: true });
  await toBe("Retrying");
  await set.edit({ suspend: true });
  await toBe("Suspended");
  await set.edit({ suspend: false });
  await kubelet.endPod(key.name, { gateway: deliveredBy(1) }, 2);
  await toBe("Succeeded", "Delivered");
});
