import { expect, it } from "vitest";
import { readCall } from "./api-call.ts";
import { describeFault, type Fault } from "./fault.ts";
import { drawPlan } from "./fault-plan.ts";
import { FaultSchedule } from "./fault-schedule.ts";

const options = { resources: { create: ["jobs"], watch: ["jobs", "pods"] }, faults: 40, lastNth: 5 } as const;

it("draws the same plan for the same seed, and another for another", () => {
  expect(drawPlan(3, options)).toEqual(drawPlan(3, options));
  expect(drawPlan(3, options)).not.toEqual(drawPlan(4, options));
});

it("draws what can befall the request, within the bounds", () => {
  const plan = drawPlan(1, { ...options, faults: 500, statuses: [500] });
  expect(plan).toHaveLength(500);
  expect(new Set(plan.map(({ verb, resource }) => `${verb} ${resource}`))).toEqual(
    new Set(["create jobs", "watch jobs", "watch pods"]),
  );
  expect(plan.filter(({ verb, effect }) => verb === "create" && /duplicate|hold/.test(effect.type))).toEqual([]);
  expect(plan.some(({ effect }) => effect.type === "hold")).toBe(true);
  expect(plan.filter(({ effect }) => effect.type === "refuse" && effect.status !== 500)).toEqual([]);
  expect(plan.every(({ nth }) => nth >= 1 && nth <= 5)).toBe(true);
});

it("befalls the nth request of a verb and resource, or of a verb", () => {
  const second: Fault = { verb: "create", resource: "jobs", nth: 2, effect: { type: "drop", when: "answer" } };
  const third: Fault = { verb: "create", resource: "any", nth: 4, effect: { type: "delay", milliseconds: 7 } };
  const schedule = new FaultSchedule([second, third]);
  const create = (plural: string) => schedule.next(readCall("POST", `/apis/batch/v1/namespaces/a/${plural}`))?.type;
  expect([create("jobs"), create("events"), create("jobs"), create("events")]).toEqual([
    undefined,
    undefined,
    "drop",
    "delay",
  ]);
  expect(schedule.met).toEqual([second, third]);
});

it("says on one line what goes wrong", () => {
  const effect = { type: "refuse", status: 429, retryAfterSeconds: 1 } as const;
  expect(describeFault({ verb: "patch", resource: "pods", nth: 3, effect })).toBe(
    "patch pods #3: refuse status=429 retryAfterSeconds=1",
  );
});
