import { expect, it } from "vitest";
import type { Condition } from "../api/status.ts";
import { workspaceClaimName } from "./names.ts";
import { type KeptFacts, resumableCondition } from "./resumable-condition.ts";

const before: Condition[] = [
  { type: "Resumable", status: "True", reason: "WorkKept", message: "", lastTransitionTime: "2026-01-01T00:00:00Z" },
];
const run = { namespace: "team-a", uid: "the-uid" };
const claim = (gateway: KeptFacts["gateway"], known?: Condition[], serviceName?: string) =>
  resumableCondition({ run, serviceName, gateway, before: known });

it.each([
  ["work that is kept", { resumable: true }, "True", "WorkKept", "under refs/orchestrator/the-uid."],
  [
    "work that is kept in part",
    { resumable: true, notKept: "a key" },
    "True",
    "WorkKept",
    "not all of it is kept: a key.",
  ],
  [
    "work that is on the branch alone",
    { resumable: true, pushedOnly: true as const, notKept: "hidden" },
    "True",
    "WorkKept",
    "the agent's session, and what is not pushed there, are not kept: hidden.",
  ],
  ["work that the forge refused", { resumable: false, notKept: "hidden" }, "False", "WorkNotKept", "hidden. What is"],
  ["a delivered session that was refused", { notKept: "hidden" }, "False", "WorkNotKept", "begins a new session."],
])("of %s", (_what, gateway, status, reason, words) => {
  const [told] = claim(gateway);
  expect(told).toMatchObject({ type: "Resumable", status, reason });
  expect(told?.message).toContain(words);
});

it("names the workspace where the run has one", () => {
  const place = `the workspace of service greeter (PersistentVolumeClaim ${workspaceClaimName("team-a", "greeter")})`;
  const messages = [{ resumable: true }, { notKept: "hidden" }, {}].map(
    (gateway) => claim(gateway, before, "greeter")[0]?.message,
  );
  expect(messages).toEqual([
    `The agent's session, and what is not delivered, are kept in ${place} under refs/orchestrator/the-uid.`,
    expect.stringContaining(`is not kept in ${place}: hidden.`),
    `Nothing is kept in ${place} any more.`,
  ]);
});

it("is not there where nothing was to be kept", () => {
  expect(claim({})).toEqual([]);
  expect(claim({ resumable: false })).toEqual([]);
});

it("is taken back when what was kept is gone, and holds while nobody knows", () => {
  expect(claim({}, before)).toMatchObject([{ status: "False", reason: "NothingKept" }]);
  expect(claim(undefined, before)).toEqual([]);
});
