import { expect, it } from "vitest";
import { planOf } from "./run-plan.ts";

const defaults = { timeout: "1h", maxAgentRetries: 1 };
const usual = planOf({}, defaults);

it("is the design's where a spec says nothing", () => {
  expect(usual).toEqual({
    timing: { pendingTimeoutMs: 600_000, timeoutMs: 3_600_000, stallTimeoutMs: 900_000 },
    retry: {
      maxInfrastructureRetries: 3,
      maxAgentRetries: 1,
      backoff: { initialMs: 10_000, maxMs: 600_000 },
      resumeSession: true,
    },
    deadlineMs: 86_400_000,
    suspend: false,
    cancel: false,
    contextVersion: 1,
    retention: {},
  });
});

it("is what a spec says", () => {
  const spec = {
    timeout: "45s",
    pendingTimeout: "1m30s",
    stallTimeout: "5s",
    deadline: "2h",
    suspend: true,
    cancel: true,
    contextVersion: 7,
    retention: { failed: "1h" },
    retryConfig: {
      maxInfrastructureRetries: 0,
      maxAgentRetries: 5,
      backoff: { initial: "1s", max: "3s" },
      resumeSession: false,
    },
  };
  expect(planOf(spec, defaults)).toEqual({
    timing: { pendingTimeoutMs: 90_000, timeoutMs: 45_000, stallTimeoutMs: 5_000 },
    retry: {
      maxInfrastructureRetries: 0,
      maxAgentRetries: 5,
      backoff: { initialMs: 1_000, maxMs: 3_000 },
      resumeSession: false,
    },
    deadlineMs: 7_200_000,
    suspend: true,
    cancel: true,
    contextVersion: 7,
    retention: { failedMs: 3_600_000 },
  });
});

it.each([
  undefined,
  null,
  7,
  "spec",
  { timeout: 7, deadline: "soon", suspend: "yes", contextVersion: 0, retention: [], retryConfig: "no" },
  { retryConfig: { maxAgentRetries: -1, backoff: "1s", resumeSession: 0 } },
])("of %j takes what cannot be read for unsaid", (spec) => {
  expect(planOf(spec, defaults)).toEqual(usual);
});

it("reads each field alone", () => {
  const { timing, retry, cancel } = planOf(
    { timeout: "1x", cancel: true, retryConfig: { backoff: { max: "1s" } } },
    defaults,
  );
  expect({ timing, cancel }).toEqual({ timing: usual.timing, cancel: true });
  expect(retry).toEqual({ ...usual.retry, backoff: { initialMs: 10_000, maxMs: 1_000 } });
});
