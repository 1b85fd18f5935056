import { expect, test } from "vitest";
import { deliveredBy, usageOf } from "../support/run-reports.ts";
import { startScene } from "../support/run-scene.ts";

test("a higher contextVersion starts a new round that counts anew and keeps the history", async () => {
  await using set = await startScene("rounds", { retention: { succeeded: "1h" } }, "implementation");
  const { kubelet, key, toBe } = set;
  await using _ = await set.start();
  await kubelet.startAgent(key.name);
  await kubelet.endPod(key.name, { gateway: deliveredBy(2) });
  expect(await toBe("Succeeded", "Delivered")).toMatchObject({ round: 1, totalCostUsd: "0.10" });

  await set.edit({ contextVersion: 2, followUp: "Handle empty names as well." });
  const { metadata } = await kubelet.pod(key.name, 2);
  expect(metadata.labels).toMatchObject({ "orchestrator.io/round": "2" });
  const begun = await set.status();
  expect(begun).toMatchObject({
    round: 2,
    phase: "Pending",
    totalCostUsd: "0.10",
    attempts: [{ number: 1, round: 1 }],
  });
  expect(begun).not.toHaveProperty("usage");
  expect(begun).not.toHaveProperty("completionTime");
  await kubelet.endPod(key.name, { gateway: deliveredBy(1) }, 2);
  expect(await toBe("Succeeded", "Delivered")).toMatchObject({
    round: 2,
    usage: { turns: 1 },
    totalCostUsd: "0.15",
    attempts: [
      { number: 1, round: 1 },
      { number: 2, round: 2 },
    ],
  });
});

test("a round that is asked for while the agent works begins when it has ended", async () => {
  const retryConfig = { maxInfrastructureRetries: 3 };
  await using set = await startScene("rounds-later", { retryConfig }, "implementation");
  const { kubelet, key, toBe } = set;
  await using _ = await set.start();
  await kubelet.startAgent(key.name);
  await toBe("Running");
  await set.edit({ contextVersion: 2 });
  await kubelet.evict(key.name, { version: 1, usage: usageOf(1), resumable: true });
  await kubelet.endPod(key.name, { gateway: deliveredBy(1) }, 2);
  expect(await toBe("Succeeded", "Delivered")).toMatchObject({ round: 2, totalCostUsd: "0.10" });
  expect(await set.events("Failed")).toEqual([expect.stringContaining("Round 2 takes its place.")]);
  expect(await set.events("RoundStarted")).toHaveLength(1);
});

test("a cancelled run goes on in a round that takes the cancel back", async () => {
  await using set = await startScene("rounds-cancel", { cancel: true }, "implementation");
  const { kubelet, key, toBe } = set;
  await using _ = await set.start();
  await toBe("Cancelled");
  await set.edit({ contextVersion: 2, cancel: false });
  await kubelet.endPod(key.name, { gateway: deliveredBy(1) });
  expect(await toBe("Succeeded", "Delivered")).toMatchObject({ round: 2 });
});
