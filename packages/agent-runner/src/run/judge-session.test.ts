import { describe, expect, it } from "vitest";
import { judgeSession, type SessionEnd } from "./judge-session.ts";

const result = { type: "result", subtype: "success", is_error: false } as const;
const end = (changes: Partial<SessionEnd>): SessionEnd => ({
  exitCode: 0,
  signal: null,
  stderr: "",
  result,
  ...changes,
});

describe("a session", () => {
  it("did its work when its result says so and it exited with 0", () => {
    expect(judgeSession(end({}))).toBeUndefined();
  });

  it.each([
    [
      { result: undefined, exitCode: 1, stderr: "bad flag\n" },
      "NoResult",
      "The agent ended without a result (exit code 1): bad flag",
    ],
    [
      { result: undefined, exitCode: null, signal: "SIGKILL" },
      "NoResult",
      "The agent ended without a result (signal SIGKILL)",
    ],
    [
      { result: { ...result, subtype: "error_max_turns", is_error: true, errors: ["Reached 3"] } },
      "MaxTurnsReached",
      "The agent took all the turns it had: Reached 3",
    ],
    [
      { result: { ...result, is_error: true, api_error_status: 402, result: "API Error: 402 MaxTurnsReached: m" } },
      "MaxTurnsReached",
      "The agent ended with an error: API Error: 402 MaxTurnsReached: m",
    ],
    [
      { result: { ...result, is_error: true, api_error_status: 402, result: "no more" } },
      "BudgetExceeded",
      "The agent ended with an error: no more",
    ],
    [{ result: { ...result, is_error: true, api_error_status: 400 } }, "AgentError", "The agent ended with an error"],
    [
      { result: { ...result, subtype: "error_during_execution", is_error: true, errors: ["a", { b: 1 }] } },
      "AgentError",
      'The agent ended with error_during_execution: a; {"b":1}',
    ],
    [
      { result: { ...result, is_error: true, result: "Not logged in" } },
      "AgentError",
      "The agent ended with an error: Not logged in",
    ],
    [
      { result: { ...result, is_error: true, api_error_status: 401 } },
      "ModelAuthFailed",
      "The agent ended with an error",
    ],
    [
      { result: { ...result, is_error: true, api_error_status: 403 } },
      "ModelAuthFailed",
      "The agent ended with an error",
    ],
    [{ result: { ...result, is_error: true, api_error_status: 429 } }, "RateLimited", "The agent ended with an error"],
    [
      { result: { ...result, is_error: true, api_error_status: 529 } },
      "ModelOverloaded",
      "The agent ended with an error",
    ],
    [
      { result: { ...result, is_error: true, api_error_status: 500 } },
      "ModelOverloaded",
      "The agent ended with an error",
    ],
    [{ exitCode: 3, stderr: "late" }, "AgentError", "The agent ended with exit code 3 after its result: late"],
  ] as const)("failed: %j", (changes, reason, message) => {
    expect(judgeSession(end(changes as Partial<SessionEnd>))).toEqual({ reason, message });
  });

  it("is described in at most 500 characters", () => {
    expect(judgeSession(end({ result: undefined, stderr: "x".repeat(2000) }))?.message).toHaveLength(500);
  });
});
