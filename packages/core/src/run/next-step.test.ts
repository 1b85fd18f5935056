import { describe, expect, it } from "vitest";
import type { Retries, RunStatus } from "../api/status.ts";
import type { Ending } from "./attempt-state.ts";
import type { Situation } from "./decision.ts";
import { nextStep } from "./next-step.ts";
import { anObservation, aRun, minutes, seconds, startOfRun } from "./observation-samples.ts";
import { type Reason, reasons } from "./reason.ts";
import { noUsage } from "./round-usage.ts";
import { planOf, type RunPlan } from "./run-plan.ts";
import { reviewHandler } from "./sample-handler.ts";

const now = startOfRun + minutes;
const spec = { retryConfig: { maxInfrastructureRetries: 2, maxAgentRetries: 1 } };
const plan = planOf(spec, reviewHandler.defaults);

interface Given {
  retries?: Retries;
  ending?: Partial<Ending>;
  plan?: Partial<RunPlan>;
  past?: Reason[];
  random?: number;
  deadline?: number;
}

function situation(given: Given): Situation {
  const attempts = (given.past ?? []).map((reason, index) => ({
    number: index + 1,
    round: 1,
    jobName: "j",
    outcome: "Failed" as const,
    reason,
  }));
  const status: RunStatus = { phase: "Running", attempts, ...(given.retries && { retries: given.retries }) };
  return {
    handler: reviewHandler as never,
    observation: anObservation({ run: aRun({ status }) }),
    plan: { ...plan, ...given.plan },
    settings: { attempt: {} as never, waitingNoticeAfterMs: 0 },
    deadline: given.deadline ?? startOfRun + 24 * 60 * minutes,
    now,
    random: given.random ?? 0,
  };
}

function step(reason: Reason, given: Given = {}) {
  return nextStep(situation(given), { reason, message: "", ...given.ending });
}

const of = (...classes: string[]) =>
  (Object.keys(reasons) as Reason[]).filter((reason) => classes.includes(reasons[reason]));
const reported = (message: object) => ({
  gateway: { version: 1, usage: { ...noUsage, turns: 1 }, ...message } as const,
});
const begun = { startedAt: startOfRun };

describe("after an attempt", () => {
  it.each(of("success", "configuration", "limit", "choice"))("that ended as %s nothing follows", (reason) => {
    expect(step(reason)).toEqual({ type: "end", reason, outcome: "" });
  });

  it.each(of("infrastructure"))("that ended as %s another follows, as often as it may", (reason) => {
    expect(step(reason)).toMatchObject({ type: "retry", retries: { infrastructure: 1, agent: 0 } });
    expect(step(reason, { retries: { infrastructure: 1, agent: 1 } })).toMatchObject({
      retries: { infrastructure: 2, agent: 1 },
    });
    expect(step(reason, { retries: { infrastructure: 2, agent: 0 } })).toEqual({
      type: "end",
      reason,
      outcome: "All retries (spec.retryConfig.maxInfrastructureRetries: 2) are used.",
    });
  });

  it.each(of("agent"))("that ended as %s another follows, as often as it may", (reason) => {
    expect(step(reason, { retries: { infrastructure: 2, agent: 0 } })).toMatchObject({
      retries: { infrastructure: 2, agent: 1 },
    });
    expect(step(reason, { retries: { infrastructure: 0, agent: 1 } })).toMatchObject({ type: "end", reason });
    const none = { ...plan, retry: { ...plan.retry, maxAgentRetries: 0 } };
    expect(step(reason, { plan: none })).toEqual({ type: "end", reason, outcome: "" });
  });

  it.each(of("provider"))("that ended as %s another follows however many there were", (reason) => {
    const retries = { infrastructure: 2, agent: 1 };
    expect(step(reason, { retries })).toMatchObject({ type: "retry", retries });
  });

  it.each(of("infrastructure", "provider", "agent"))("that ended as %s for good nothing follows", (reason) => {
    expect(step(reason, { ending: { final: true } })).toEqual({ type: "end", reason, outcome: "" });
  });

  it("of a round that a newer one replaces nothing follows", () => {
    const outcome = "Round 2 takes its place.";
    expect(step("NodeLost", { plan: { contextVersion: 2 } })).toEqual({ type: "end", reason: "NodeLost", outcome });
  });
});

describe("an agent that has begun", () => {
  const lost = reported({ resumable: false });

  it.each<[Reason, Partial<Ending>, string]>([
    ["PodEvicted", { ...begun, ...lost }, "end"],
    ["PodEvicted", { ...begun, ...reported({ resumable: true }) }, "retry"],
    ["PodEvicted", { ...begun, ...reported({}) }, "retry"],
    ["NodeLost", begun, "retry"],
    ["RepositoryUnreachable", lost, "retry"],
    ["RateLimited", { ...begun, ...lost }, "end"],
    ["RateLimited", { ...begun, gateway: { version: 1, usage: noUsage, resumable: false } }, "retry"],
    ["NoResult", { ...begun, ...lost }, "retry"],
  ])("and ended as %s (%j): %s", (reason, ending, type) => {
    expect(step(reason, { ending })).toMatchObject({ type });
  });

  it("was seen to begin by what the status says, too", () => {
    const given = situation({});
    const attempts = [
      { number: 1, round: 1, jobName: "j", outcome: "Running" as const, startedAt: "2026-01-01T00:00:00Z" },
    ];
    const run = aRun({ status: { phase: "Running", attempts } });
    const observation = anObservation({ run });
    const next = nextStep({ ...given, observation }, { reason: "PodEvicted", message: "", ...lost });
    expect(next).toMatchObject({ type: "end", outcome: expect.stringContaining("from nothing") as unknown });
  });
});

describe("the wait for the next attempt", () => {
  const wait = (reason: Reason, given: Given = {}) => {
    const next = step(reason, given);
    return next.type === "retry" ? (next.at - now) / seconds : next.type;
  };

  it("grows with each retry of the kind, and is told in whole seconds", () => {
    expect(wait("NodeLost")).toBe(5);
    expect(wait("NodeLost", { random: 0.05 })).toBe(6);
    expect(wait("NodeLost", { retries: { infrastructure: 1, agent: 1 } })).toBe(10);
    expect(wait("NoResult", { retries: { infrastructure: 2, agent: 0 } })).toBe(5);
  });

  it("is at least what the provider asks for", () => {
    const ending = reported({ retryAfterSeconds: 300 });
    expect(wait("RateLimited", { ending })).toBe(300);
    expect(wait("RateLimited", { ending, random: 0.9 })).toBe(309);
  });

  it("grows with each refusal in a row of a provider that does not say", () => {
    expect(wait("ModelOverloaded")).toBe(5);
    expect(wait("ModelOverloaded", { past: ["RateLimited", "ModelOverloaded"] })).toBe(20);
    expect(wait("ModelOverloaded", { past: ["RateLimited", "NodeLost", "RateLimited"] })).toBe(10);
  });

  it("is told to the reader", () => {
    expect(step("NodeLost")).toMatchObject({
      outcome: "Attempt 2 starts at 2026-01-01T00:01:05Z (infrastructure retry 1 of 2).",
    });
    expect(step("RateLimited")).toMatchObject({ outcome: "Attempt 2 starts at 2026-01-01T00:01:05Z." });
    expect(step("NodeLost", { plan: { suspend: true } })).toMatchObject({
      outcome: "Attempt 2 waits until spec.suspend is unset (infrastructure retry 1 of 2).",
    });
  });

  it("is not begun where it would outlast the deadline", () => {
    const deadline = now + 5 * seconds;
    expect(step("RateLimited", { deadline })).toEqual({
      type: "end",
      reason: "DeadlineExceeded",
      outcome: "It ended with RateLimited, and no other attempt can start before the round's deadline.",
    });
    expect(wait("RateLimited", { deadline: deadline + 1 })).toBe(5);
  });
});
