import {
  countTasks,
  type GatewayMessage,
  gatewayMessage,
  terminationMessageLimit,
  type Verdict,
} from "@orchestrator/core/pure";
import { describe, expect, test } from "vitest";
import { encodeReport, gatewayReport } from "./report.ts";

const usage = {
  inputTokens: 1,
  outputTokens: 2,
  cacheReadTokens: 3,
  cacheCreationTokens: 4,
  turns: 1,
  costUsd: "0.01",
};
const roundUsage = { ...usage, turns: 3, costUsd: "0.03" };
const used = { usage, roundUsage };
const pushed = { branch: "orchestrator/docs/run", commit: "c0ffee" };
const told = (reason: Verdict["reason"]): Verdict => ({ reason, message: reason });

describe("the verdict of an attempt", () => {
  const setupVerdict = told("BranchNotFound");
  const providerVerdict = told("RateLimited");
  const deliveryVerdict = told("PushRejected");
  const limitVerdict = told("BudgetExceeded");

  test.each(["Delivered", "UpToDate"] as const)("is not given when the outcome is %s", (outcome) => {
    const report = gatewayReport({
      ...used,
      delivery: { outcome },
      providerVerdict,
      deliveryVerdict,
      limitVerdict,
      retryAfterSeconds: 1,
      kept: false,
      pushed,
    });
    expect(report).toEqual({ version: 1, delivery: { outcome }, ...used });
  });

  test("is the first cause", () => {
    const delivery = { outcome: "IncompleteDocs" as const };
    const facts = { ...used, delivery, deliveryVerdict };
    const reasonOf = (more: object) => gatewayReport({ ...facts, ...more }).verdict?.reason;
    expect(reasonOf({ setupVerdict, limitVerdict, providerVerdict })).toBe("BranchNotFound");
    expect(reasonOf({ limitVerdict, providerVerdict })).toBe("BudgetExceeded");
    expect(reasonOf({ providerVerdict })).toBe("RateLimited");
    expect(reasonOf({})).toBe("PushRejected");
    expect(gatewayReport({ ...used, delivery })).not.toHaveProperty("verdict");
  });

  test("comes with what the provider asked to wait, where it is the provider's", () => {
    const facts = { ...used, providerVerdict, retryAfterSeconds: 90 };
    expect(gatewayReport(facts)).toMatchObject({ retryAfterSeconds: 90 });
    expect(gatewayReport({ ...facts, limitVerdict })).not.toHaveProperty("retryAfterSeconds");
    expect(gatewayReport({ ...facts, providerVerdict: told("ModelAuthFailed") })).not.toHaveProperty(
      "retryAfterSeconds",
    );
  });

  test.each([
    ["kept", { kept: true }, true],
    ["on the branch alone", { kept: false, pushed }, true],
    ["nowhere", { kept: false, notKept: "refused" }, false],
    ["delivered, and its session kept", { kept: true, delivery: { outcome: "Delivered" as const } }, true],
  ])("comes with whether it can be gone on from the work that is %s", (_where, facts, resumable) => {
    const report = gatewayReport({ ...used, ...facts });
    expect(report).toMatchObject({ resumable });
    expect(report.pushedOnly).toBe("pushed" in facts ? true : undefined);
    expect(report.notKept).toBe("notKept" in facts ? "refused" : undefined);
  });
});

test("an attempt that has pushed, and not delivered, tells where its work is", () => {
  expect(gatewayReport({ ...used, pushed, kept: true })).toMatchObject({ result: pushed });
  const delivery = { outcome: "IncompleteDocs" as const };
  expect(gatewayReport({ ...used, pushed, kept: true, delivery })).not.toHaveProperty("result");
});

describe("the message", () => {
  const odd = Array.from({ length: 1000 }, (_, index) => index * 2 + 1).join(",");
  const message: GatewayMessage = {
    version: 1,
    verdict: { reason: "RateLimited", message: "ä".repeat(3000) },
    delivery: {
      outcome: "IncompleteDocs",
      result: {
        branch: "b".repeat(250),
        pullRequest: { number: 7, url: "https://forge.example.test/acme/shop/pull/7" },
      },
      tasks: { delivered: odd, upToDate: odd, failed: odd },
    },
    usage,
    roundUsage,
    retryAfterSeconds: 3600,
    resumable: true,
    model: "claude-sonnet-5-5",
  };

  test("is left alone when it fits", () => {
    const small = { version: 1 as const, usage, verdict: told("RateLimited") };
    expect(JSON.parse(encodeReport(small))).toEqual(small);
  });

  test("fits whatever it holds, keeping outcome, reason, counts, cost and pull request", () => {
    const text = encodeReport(message);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(terminationMessageLimit);
    const read = gatewayMessage.parse(JSON.parse(text));
    expect(read).toMatchObject({ verdict: { reason: "RateLimited" }, usage });
    expect(read.delivery).toMatchObject({ outcome: "IncompleteDocs", result: { pullRequest: { number: 7 } } });
    const { delivered = "", upToDate = "", failed = "" } = read.delivery?.tasks ?? {};
    expect([delivered, upToDate, failed].map(countTasks)).toEqual([1000, 1000, 1000]);
  });

  test("loses first what is missed least", () => {
    const tasks = { delivered: "1-3", upToDate: odd, failed: "4,6" };
    const text = encodeReport({
      ...message,
      verdict: told("RateLimited"),
      delivery: { outcome: "IncompleteDocs", tasks },
    });
    expect(gatewayMessage.parse(JSON.parse(text))).toMatchObject({
      delivery: { tasks: { delivered: "1-3", failed: "4,6" } },
      model: "claude-sonnet-5-5",
    });
  });
});
