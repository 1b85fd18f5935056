import { expect, it } from "vitest";
import { eventKey } from "./event-key.ts";

const run = { uid: "run-uid", generation: 7 };

it("is the same for the same step of the same attempt, and differs for any other", () => {
  const attempt = { number: 1, round: 1 };
  const key = eventKey(run, attempt, "Started");
  expect(key).toMatch(/^[0-9a-f]{10}\.0001\.0001\.0002\.started$/);
  expect(eventKey({ ...run, generation: 8 }, attempt, "Started")).toBe(key);
  for (const other of [
    eventKey({ ...run, uid: "another" }, attempt, "Started"),
    eventKey(run, { ...attempt, number: 2 }, "Started"),
    eventKey(run, { ...attempt, round: 2 }, "Started"),
    eventKey(run, attempt, "Retrying"),
  ]) {
    expect(other).not.toBe(key);
  }
});

it("parts what a person does again to one attempt, and sorts as a life goes", () => {
  const [first, second] = [
    { number: 1, round: 1 },
    { number: 12, round: 2 },
  ];
  const life = [
    eventKey({ ...run, generation: 2 }, first, "Suspended"),
    eventKey({ ...run, generation: 3 }, first, "Resumed"),
    eventKey({ ...run, generation: 10 }, first, "Suspended"),
    eventKey({ ...run, generation: 11 }, first, "Resumed"),
    eventKey(run, first, "Started"),
    eventKey(run, first, "Retrying"),
    eventKey(run, second, "Started"),
    eventKey(run, second, "Retrying"),
    // The attempt that would have followed gives way to a new round.
    eventKey(run, { number: 13, round: 2 }, "Failed"),
    eventKey(run, { number: 13, round: 2 }, "RoundStarted"),
    eventKey(run, { number: 13, round: 3 }, "Started"),
  ];
  expect(life.toSorted()).toEqual(life);
  expect(Math.max(...life.map(({ length }) => length))).toBeLessThanOrEqual(52);
});
