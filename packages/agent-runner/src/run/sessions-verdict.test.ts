import type { Reason } from "@orchestrator/core/pure";
import { describe, expect, it } from "vitest";
import type { SessionRecord } from "../steps/step-files.ts";
import { sessionsVerdict } from "./sessions-verdict.ts";

const records = (...reasons: (Reason | undefined)[]): SessionRecord[] =>
  reasons.map((reason, index) => ({
    taskId: index + 1,
    sessionId: "s",
    interrupted: false,
    turns: 0,
    ...(reason && { verdict: { reason, message: `of task ${index + 1}` } }),
  }));

describe("the sessions of an attempt", () => {
  it.each([[[]], [[undefined, undefined]]])("amount to nothing bad: %j", (reasons) => {
    expect(sessionsVerdict(records(...reasons))).toBeUndefined();
  });

  it("fail for the reason that all of them share", () => {
    expect(sessionsVerdict(records("AgentMissing", "AgentMissing"))).toEqual({
      reason: "AgentMissing",
      message: "of task 1",
    });
  });

  it.each([
    [[undefined, "NoResult", undefined, "NoResult"]],
    [[undefined, "NoResult", undefined, "AgentError"]],
  ] as const)("are incomplete where some did their work or the reasons differ: %j", (reasons) => {
    const verdict = { reason: "IncompleteDocs", message: "Failed tasks: 2,4; task 2: NoResult: of task 2" };
    expect(sessionsVerdict(records(...reasons))).toEqual(verdict);
    expect(sessionsVerdict(records(...reasons).toReversed())).toEqual(verdict);
  });
});
