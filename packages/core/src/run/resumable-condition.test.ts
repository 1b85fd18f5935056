import { expect, it } from "vitest";
import type { Condition } from "../api/status.ts";
import { resumableCondition } from "./resumable-condition.ts";

const before: Condition[] = [
  { type: "Resumable", status: "True", reason: "WorkKept", message: "", lastTransitionTime: "2026-01-01T00:00:00Z" },
];
const claim = (gateway: Parameters<typeof resumableCondition>[0]["gateway"], known?: Condition[]) =>
  resumableCondition({ runUid: "the-uid", gateway, before: known });

it.each([
  ["work that is kept", { resumable: true }, "True", "WorkKept", "under refs/orchestrator/the-uid."],
  [
    "work that is kept in part",
    { resumable: true, notKept: "a key" },
    "True",
    "WorkKept",
    "not all of it is kept: a key.",
  ],
  ["work that the forge refused", { resumable: false, notKept: "hidden" }, "False", "WorkNotKept", "hidden. What is"],
  ["a delivered session that was refused", { notKept: "hidden" }, "False", "WorkNotKept", "begins a new session."],
])("of %s", (_what, gateway, status, reason, words) => {
  const [told] = claim(gateway);
  expect(told).toMatchObject({ type: "Resumable", status, reason });
  expect(told?.message).toContain(words);
});

it("is not there where nothing was to be kept", () => {
  expect(claim({})).toEqual([]);
  expect(claim({ resumable: false })).toEqual([]);
});

it("is taken back when what was kept is gone, and holds while nobody knows", () => {
  expect(claim({}, before)).toMatchObject([{ status: "False", reason: "NothingKept" }]);
  expect(claim(undefined, before)).toEqual([]);
});
