import fc from "fast-check";
import { expect, it } from "vitest";
import { LifeModel } from "./life-model.ts";
import { ends, type ClusterStep, type OperatorStep, type PodStep, type Step, type UserStep } from "./life-steps.ts";

const oneOf = <T>(...values: T[]) => fc.constantFrom(...values);
const pod = (step: PodStep): Step => ({ on: "pod", step });
const user = (step: UserStep): Step => ({ on: "user", step });
const cluster = (step: ClusterStep): Step => ({ on: "cluster", step });
const operator = (step: OperatorStep): Step => ({ on: "operator", step });
const catchUp = (kind: "run" | "jobs" | "pods") => operator({ type: "watch catches up", kind });

const stepBack = -30;
const time = oneOf(1, 15, 60, 130, 700, stepBack).map((seconds) => operator({ type: "time passes", seconds }));
const watch = fc.oneof(
  oneOf("run" as const, "jobs" as const, "pods" as const).map(catchUp),
  oneOf(operator({ type: "watch tells the run's next version" })),
);
const ending = fc
  .record(
    { end: oneOf(...ends), resumable: fc.boolean(), knowsRound: fc.boolean() },
    { requiredKeys: ["end", "knowsRound"] },
  )
  .map((how) => pod({ type: "pod ends", ...how }));
const blow = fc.oneof(
  ending,
  oneOf(
    pod({ type: "pod is evicted" }),
    pod({ type: "node is lost" }),
    pod({ type: "pod is gone" }),
    user({ type: "user deletes the Job" }),
    user({ type: "user deletes the pod" }),
  ),
);
const trouble = fc.oneof(
  oneOf(
    operator({ type: "operator restarts" }),
    operator({ type: "standby catches up" }),
    operator({ type: "standby leads" }),
  ),
  fc.tuple(fc.nat(2), fc.boolean()).map(([after, applied]) => operator({ type: "request fails", after, applied })),
  fc.boolean().map((forbids) => cluster({ type: "quota", forbids })),
);
const progress = oneOf(
  cluster({ type: "controllers act" }),
  pod({ type: "agent starts" }),
  pod({ type: "pod is scheduled" }),
  pod({ type: "pod finds no node" }),
);
const edit = oneOf(
  user({ type: "user edits", spec: { suspend: true } }),
  user({ type: "user edits", spec: { suspend: false } }),
  user({ type: "user edits", spec: { cancel: true } }),
  user({ type: "user edits", spec: { retention: { failed: "30m" } } }),
  user({ type: "user asks for a new round" }),
);
const anything = fc.oneof(watch, time, blow, trouble, progress, edit).map((step) => [step]);
/** An edit that the operator sees. */
const steering = edit.map((step) => [step, catchUp("run")]);
/** Most of an attempt as it usually goes, so that sequences come far enough for something to be lost. */
const attempt = fc
  .tuple(fc.array(fc.oneof(anything, steering), { maxLength: 3 }), ending)
  .map(([between, end]) => [
    operator({ type: "time passes", seconds: 130 }),
    cluster({ type: "controllers act" }),
    catchUp("jobs"),
    pod({ type: "agent starts" }),
    catchUp("pods"),
    ...between.flat(),
    end,
    catchUp("pods"),
  ]);
const parts = fc.oneof({ weight: 2, arbitrary: anything }, steering, { weight: 3, arbitrary: attempt });
const happenings = fc.array(parts, { minLength: 1, maxLength: 12, size: "max" }).map((list) => list.flat());
const beginnings = fc.oneof(
  { weight: 8, arbitrary: fc.constant({}) },
  fc.constant({ suspend: true }),
  fc.constant({ retention: { failed: "30m" } }),
);

it("keeps every promise of a run's life, whatever happens in whatever order", async () => {
  const property = fc.asyncProperty(
    beginnings,
    happenings,
    fc.infiniteStream(fc.double({ min: 0, max: 0.99, noNaN: true })),
    async (spec, steps, chance) => {
      const model = new LifeModel({ spec, random: () => Number(chance.next().value) });
      for (const step of steps) await model.take(step);
      await model.finish();
    },
  );
  const { failed, counterexample, errorInstance, seed } = await fc.check(property, { numRuns: 10_000 });
  const why = errorInstance instanceof Error ? errorInstance.message : "";
  expect(failed, `seed ${seed}: ${why}\n${JSON.stringify(counterexample?.[0])}`).toBe(false);
}, 120_000);
