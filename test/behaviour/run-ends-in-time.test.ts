import { expect, test } from "vitest";
import { deliveredBy, usageOf } from "../support/run-reports.ts";
import { startScene, waitForNoRun } from "../support/run-scene.ts";

test("a run that is held ends at its deadline", async () => {
  await using set = await startScene("deadline-held", { deadline: "15s", timeout: "14s", suspend: true });
  await using _ = await set.start();
  await set.toBe("Suspended");
  expect((await set.toBe("Failed", "DeadlineExceeded")).message).toContain("spec.deadline");
  expect(await set.jobs()).toEqual([]);
});

test("an agent that works at the deadline is told to end, and reports", async () => {
  await using set = await startScene("deadline-running", { deadline: "20s", timeout: "19s" });
  const { kubelet, key, toBe } = set;
  await using _ = await set.start();
  await kubelet.startAgent(key.name);
  await toBe("Running");
  await kubelet.toldToEnd(key.name);
  const gateway = { version: 1, usage: usageOf(2) } as const;
  await kubelet.endPod(key.name, { gateway, exitCode: 143, status: { reason: "DeadlineExceeded" } });
  expect(await toBe("Failed", "DeadlineExceeded")).toMatchObject({
    usage: { turns: 2 },
    attempts: [{ reason: "DeadlineExceeded" }],
  });
});

test("a wait that would outlast the deadline is not begun", async () => {
  await using set = await startScene("deadline-limited");
  const { kubelet, key, toBe } = set;
  await using _ = await set.start();
  const verdict = { reason: "RateLimited", message: "the provider answers 429" } as const;
  const day = 24 * 3600;
  await kubelet.startAgent(key.name);
  await kubelet.endPod(key.name, {
    gateway: { version: 1, usage: usageOf(1), verdict, resumable: true, retryAfterSeconds: day },
    exitCode: 1,
  });
  const { message, attempts } = await toBe("Failed", "DeadlineExceeded");
  expect(message).toContain("It ended with RateLimited");
  expect(attempts).toMatchObject([{ reason: "RateLimited" }]);
});

test("a run is deleted when it has been kept as long as it says, however the operator learns of it", async () => {
  await using set = await startScene("kept");
  const { kubelet, key, toBe } = set;
  await using _ = await set.start();
  const verdict = { reason: "MissingSecret", message: "there is none" } as const;
  await kubelet.failPreparation(key.name, { version: 1, verdict });
  await toBe("Failed", "MissingSecret");
  await set.edit({ retention: { succeeded: "1s" } });
  await set.edit({ retention: { failed: "1s" } });
  await waitForNoRun(set);
});

test.each([
  ["Succeeded", { retention: { succeeded: "1s" } }],
  ["Cancelled", { retention: { failed: "1s" }, cancel: true }],
])("a run that was made to be kept for a second is gone after it is %s, and not before", async (_phase, spec) => {
  await using set = await startScene("kept-short", spec, "implementation");
  const { kubelet, key } = set;
  await using _ = await set.start();
  if (!("cancel" in spec)) {
    await kubelet.startAgent(key.name);
    await set.toBe("Running");
    await kubelet.endPod(key.name, { gateway: deliveredBy(1) });
  }
  await waitForNoRun(set, "implementation");
});
