import { expect, it } from "vitest";
import type { Attempt, RunStatus } from "../api/status.ts";
import { resumeOf } from "./resume.ts";
import { noUsage } from "./round-usage.ts";

interface Past {
  reason: string;
  begun?: boolean;
  round?: number;
}

function statusOf(past: Past[], turns?: number): RunStatus {
  const attempts = past.map(
    ({ reason, begun = true, round = 1 }, index): Attempt => ({
      number: index + 1,
      round,
      jobName: "j",
      outcome: "Failed",
      reason,
      message: `it says ${reason}`,
      ...(begun && { startedAt: "2026-01-01T00:00:00Z" }),
    }),
  );
  return { phase: "Retrying", attempts, ...(turns !== undefined && { usage: { ...noUsage, turns } }) };
}

const previous = (reason: string) => ({ reason, message: `it says ${reason}` });
const pulled = { reason: "ImagePullFailed", begun: false };

it.each<[string, Past[], unknown, number?]>([
  ["nothing, at first", [], undefined],
  ["nothing, where no agent has begun", [pulled, pulled], undefined],
  [
    "the work that a lost node left, and of nothing else",
    [{ reason: "NodeLost" }],
    { session: true, required: true, previous: previous("NodeLost") },
  ],
  [
    "it also when the attempt after could not begin",
    [{ reason: "NodeLost" }, pulled],
    { session: true, required: true, previous: previous("NodeLost") },
  ],
  [
    "what there is, where the agent failed and may try again",
    [{ reason: "NoResult" }],
    { session: true, required: false, previous: previous("NoResult") },
  ],
  [
    "what there is, where an agent that may try again could not begin",
    [{ reason: "NodeLost" }, { reason: "NoResult" }, pulled],
    { session: true, required: false, previous: previous("NoResult") },
  ],
  [
    "the work of an agent that tried again and was lost",
    [{ reason: "NoResult" }, { reason: "PodEvicted" }],
    { session: true, required: true, previous: previous("PodEvicted") },
  ],
  [
    "the work but not the session of one that stalled",
    [{ reason: "Stalled" }],
    { session: false, required: false, previous: previous("Stalled") },
  ],
  [
    "the work that was paid for before the provider refused",
    [{ reason: "RateLimited" }],
    { session: true, required: true, previous: previous("RateLimited") },
    3,
  ],
  [
    "what there is, where the provider refused from the start",
    [{ reason: "RateLimited" }],
    { session: true, required: false, previous: previous("RateLimited") },
    0,
  ],
  [
    "the work of a lost node though the provider refused after it",
    [{ reason: "NodeLost" }, { reason: "RateLimited" }],
    { session: true, required: true, previous: previous("RateLimited") },
    0,
  ],
])("is %s", (_, past, resume, turns) => {
  expect(resumeOf(statusOf(past, turns), 1, true)).toEqual(resume);
});

it("is what an earlier round left, if there is anything", () => {
  expect(resumeOf(statusOf([{ reason: "Delivered" }]), 2, true)).toEqual({ session: true, required: false });
  expect(resumeOf(statusOf([{ reason: "Stalled" }]), 2, true)).toEqual({ session: false, required: false });
  expect(resumeOf(statusOf([pulled]), 2, true)).toBeUndefined();
});

it("is never a session where the spec says so", () => {
  expect(resumeOf(statusOf([{ reason: "NodeLost" }]), 1, false)).toMatchObject({ session: false, required: true });
  expect(resumeOf(statusOf([{ reason: "Delivered" }]), 2, false)).toMatchObject({ session: false });
});
