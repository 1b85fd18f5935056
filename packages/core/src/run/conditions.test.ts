import { describe, expect, it } from "vitest";
import { type ConditionClaim, phaseOf, withConditions } from "./conditions.ts";

const claim = (changes: Partial<ConditionClaim> = {}): ConditionClaim => ({
  type: "Succeeded",
  status: "Unknown",
  reason: "Pending",
  message: "",
  ...changes,
});
const first = { now: "2026-01-01T00:00:00Z", generation: 1 };
const later = { now: "2026-01-01T01:00:00Z", generation: 2 };

describe("conditions", () => {
  it("begin when they are first claimed", () => {
    expect(withConditions(undefined, [claim()], first)).toEqual([
      { ...claim(), lastTransitionTime: first.now, observedGeneration: 1 },
    ]);
  });

  it("keep their time while only reason and message change", () => {
    const before = withConditions(undefined, [claim()], first);
    const [after] = withConditions(before, [claim({ reason: "Running", message: "works" })], later);
    expect(after).toMatchObject({ reason: "Running", lastTransitionTime: first.now, observedGeneration: 2 });
  });

  it("take a new time when their status changes", () => {
    const before = withConditions(undefined, [claim()], first);
    const [after] = withConditions(before, [claim({ status: "True", reason: "Delivered" })], later);
    expect(after).toMatchObject({ status: "True", lastTransitionTime: later.now });
  });

  it("of other types stay as they are", () => {
    const before = withConditions(undefined, [claim({ type: "Accepted", status: "True" })], first);
    const after = withConditions(before, [claim()], later);
    expect(after).toEqual([before[0], expect.objectContaining({ type: "Succeeded" })]);
  });
});

it.each([
  ["Pending", []],
  ["Pending", [claim({ reason: "Unschedulable" })]],
  ["Running", [claim({ reason: "Running" })]],
  ["Retrying", [claim({ reason: "Retrying" })]],
  ["Suspended", [claim({ reason: "Suspended" })]],
  ["Cancelled", [claim({ status: "False", reason: "Cancelled" })]],
  ["Succeeded", [claim({ status: "True", reason: "UpToDate" })]],
  ["Failed", [claim({ status: "False", reason: "NodeLost" })]],
] as const)("the phase is %s", (phase, claims) => {
  expect(phaseOf(withConditions(undefined, claims, first))).toBe(phase);
});
