import { expect, it } from "vitest";
import type { Attempt } from "../api/status.ts";
import { currentAttempt, endedAttempts, recorded } from "./current-attempt.ts";
import { attemptName } from "./names.ts";
import { aRun } from "./observation-samples.ts";

const attempt = (number: number, round: number, outcome: Attempt["outcome"] = "Failed"): Attempt => ({
  number,
  round,
  jobName: "j",
  outcome,
});
const nameOf = (round: number, number: number) =>
  attemptName({ prefix: "docs", runName: "a-run", runUid: "run-uid", round, attempt: number });

it.each([
  ["the first, before anything is written", {}, { contextVersion: 1, seen: [] }, [1, 1]],
  ["the first of the round that is asked for", {}, { contextVersion: 3, seen: [] }, [3, 1]],
  [
    "that of the round which has objects, though a newer one is asked for",
    {},
    { contextVersion: 3, seen: [1, 2] },
    [2, 1],
  ],
  ["that of the round in the status", { round: 2 }, { contextVersion: 3, seen: [3] }, [2, 1]],
  [
    "the one that is under way",
    { round: 1, attempts: [attempt(4, 1, "Running")] },
    { contextVersion: 1, seen: [] },
    [1, 4],
  ],
  [
    "the one after those that have ended",
    { round: 1, attempts: [attempt(4, 1)] },
    { contextVersion: 1, seen: [] },
    [1, 5],
  ],
  ["numbered over all rounds", { round: 2, attempts: [attempt(4, 1)] }, { contextVersion: 2, seen: [] }, [2, 5]],
])("is %s", (_, status, { contextVersion, seen }, [round = 0, number = 0]) => {
  const run = aRun({ status: { phase: "Pending", ...status } });
  expect(currentAttempt(run, { prefix: "docs", contextVersion, seen })).toEqual({
    number,
    round,
    name: nameOf(round, number),
  });
});

it("has a name of its own in each round", () => {
  expect(new Set([nameOf(1, 1), nameOf(1, 2), nameOf(2, 1), nameOf(2, 2)]).size).toBe(4);
});

it("is recorded by its number", () => {
  const run = aRun({ status: { phase: "Running", attempts: [attempt(1, 1), attempt(2, 1, "Running")] } });
  expect(recorded(run, { number: 2, round: 1, name: "" })?.outcome).toBe("Running");
  expect(recorded(run, { number: 3, round: 1, name: "" })).toBeUndefined();
});

it("follows those of its round that have ended, newest first", () => {
  const attempts = [attempt(1, 1), attempt(2, 2), attempt(3, 2), attempt(4, 2, "Running")];
  expect(endedAttempts({ phase: "Running", attempts }, 2).map(({ number }) => number)).toEqual([3, 2]);
  expect(endedAttempts({ phase: "Running" }, 2)).toEqual([]);
});
