import { resources } from "@orchestrator/controller-runtime";
import { expect, test } from "vitest";
import { deliveredBy, usageOf } from "../support/run-reports.ts";
import { type RunScene, startScene } from "../support/run-scene.ts";

const backoff = { initial: "1s", max: "2s" };

/** `run.json` of an attempt: what its pod is told. */
async function inputsOf({ client, kubelet, key }: RunScene, attempt: number): Promise<Record<string, unknown>> {
  const { metadata } = await kubelet.job(key.name, attempt);
  const name = { namespace: key.namespace, name: metadata.name };
  const { data = {} } = await client.get(resources.configMaps, name, { signal: AbortSignal.timeout(30_000) });
  return JSON.parse(data["run.json"] ?? "") as Record<string, unknown>;
}

test("a run whose pod was evicted goes on in a second pod, and its cost is that of both", async () => {
  await using set = await startScene("evicted", { retryConfig: { maxInfrastructureRetries: 1, backoff } });
  const { kubelet, key, toBe } = set;
  await using _ = await set.start();
  await kubelet.startAgent(key.name);
  await toBe("Running");
  await kubelet.evict(key.name, { version: 1, usage: usageOf(3), resumable: true });
  const waiting = await toBe("Retrying");
  expect(waiting).toMatchObject({
    retries: { infrastructure: 1, agent: 0 },
    usage: { turns: 3, costUsd: "0.15" },
    attempts: [{ number: 1, reason: "PodEvicted", outcome: "Failed", costUsd: "0.15" }],
  });
  expect(waiting.message).toContain(`Attempt 2 starts at ${waiting.nextAttemptAt}`);

  await kubelet.startAgent(key.name, 2);
  expect(await toBe("Running")).not.toHaveProperty("nextAttemptAt");
  expect(await inputsOf(set, 1)).not.toHaveProperty("resume");
  expect(await inputsOf(set, 2)).toMatchObject({
    attempt: 2,
    spent: usageOf(3),
    resume: { session: true, required: true, previous: { reason: "PodEvicted" } },
  });
  await kubelet.endPod(key.name, { gateway: deliveredBy(2) }, 2);
  expect(await toBe("Succeeded", "Delivered")).toMatchObject({
    usage: { turns: 5 },
    totalCostUsd: "0.25",
    attempts: [
      { number: 1, reason: "PodEvicted" },
      { number: 2, reason: "Delivered" },
    ],
  });
  expect(await set.events("Retrying")).toHaveLength(1);
  expect((await set.events("Retrying"))[0]).toMatch(
    /^PodEvicted: .*Attempt 2 starts at .*Z \(infrastructure retry 1 of 1\)/,
  );
});

test("an agent that failed is told what was wrong, and ends the run when it fails again", async () => {
  await using set = await startScene("agent", { retryConfig: { maxAgentRetries: 1, backoff } });
  const { kubelet, key, toBe } = set;
  await using _ = await set.start();
  const verdict = { reason: "NoResult", message: "The session ended without a result" } as const;
  const failed = { gateway: { version: 1, usage: usageOf(1) }, agent: { version: 1, verdict }, exitCode: 1 } as const;
  await kubelet.startAgent(key.name);
  await kubelet.endPod(key.name, failed);
  await toBe("Retrying");
  expect(await inputsOf(set, 2)).toMatchObject({
    resume: { session: true, required: false, previous: { reason: "NoResult", message: `${verdict.message}.` } },
  });
  await kubelet.endPod(key.name, failed, 2);
  const { message, retries, usage } = await toBe("Failed", "NoResult");
  expect(message).toContain("All retries (spec.retryConfig.maxAgentRetries: 1) are used.");
  expect({ retries, usage }).toMatchObject({ retries: { infrastructure: 0, agent: 1 }, usage: { turns: 2 } });
  expect(await set.jobs()).toHaveLength(2);
});

test("a provider's limit is waited for without a pod and without using up a retry", async () => {
  await using set = await startScene("limited", {});
  const { kubelet, key, toBe } = set;
  await using _ = await set.start();
  const verdict = { reason: "RateLimited", message: "the provider answers 429" } as const;
  const limited = { version: 1, usage: usageOf(1), verdict, resumable: true, retryAfterSeconds: 2 } as const;
  await kubelet.startAgent(key.name);
  await kubelet.endPod(key.name, { gateway: limited, exitCode: 1 });
  expect(await toBe("Retrying")).toMatchObject({ retries: { infrastructure: 0, agent: 0 } });
  await kubelet.endPod(key.name, { gateway: deliveredBy(1) }, 2);
  expect(await toBe("Succeeded", "Delivered")).toMatchObject({ usage: { turns: 2 } });
});

test("an agent whose work is lost is not started again from nothing", async () => {
  await using set = await startScene("lost", { retryConfig: { maxInfrastructureRetries: 3, backoff } });
  const { kubelet, key, toBe } = set;
  await using _ = await set.start();
  await kubelet.startAgent(key.name);
  await toBe("Running");
  await kubelet.evict(key.name, { version: 1, usage: usageOf(3), resumable: false });
  expect((await toBe("Failed", "PodEvicted")).message).toContain("it is not done again from nothing");
  expect(await set.jobs()).toHaveLength(1);
});

test("a restarted operator goes on with the wait for the next attempt", async () => {
  await using set = await startScene("restart", { retryConfig: { maxInfrastructureRetries: 1, backoff } });
  const { kubelet, key, toBe } = set;
  const first = await set.start();
  const verdict = { reason: "RepositoryUnreachable", message: "the forge does not answer" } as const;
  await kubelet.failPreparation(key.name, { version: 1, verdict });
  await toBe("Retrying");
  await first.kill();
  await using _ = await set.start();
  await kubelet.endPod(key.name, { gateway: deliveredBy(1) }, 2);
  await toBe("Succeeded", "Delivered");
  expect(await set.jobs()).toHaveLength(2);
});
