import { expect, it } from "vitest";
import { graceMs } from "./run-session.ts";

it("gives an agent 30 s where the pod is told to stop, and 10 s where the agent itself is to blame", () => {
  expect(graceMs({ type: "interrupted" })).toBe(30_000);
  expect(graceMs({ type: "verdict", verdict: { reason: "Stalled", message: "m" } })).toBe(10_000);
  expect(graceMs({ type: "answered" })).toBe(10_000);
});
