import fc from "fast-check";
import { expect, it } from "vitest";
import { ends, type PodStep, type UserStep } from "./life-steps.ts";
import { type Kind, TurnsModel, type TurnsStep } from "./turns-model.ts";

const runs = 3;
const oneOf = <T>(...values: T[]) => fc.constantFrom(...values);
const run = fc.nat(runs - 1);
type RunStep = Extract<TurnsStep, { run: number }>["step"];
const of = (step: fc.Arbitrary<RunStep>) => fc.record({ run, step });
const alone = (...steps: Extract<TurnsStep, { step: object }>["step"][]) =>
  oneOf(...steps).map((step) => ({ step }) as TurnsStep);

const catchUps = alone(
  ...(["runs", "jobs", "pods", "claim"] satisfies Kind[]).map((kind) => ({ type: "watch catches up" as const, kind })),
);
const time = alone(...[1, 6, 15, 70, 130, -30].map((seconds) => ({ type: "time passes" as const, seconds })));
const ending = of(oneOf(...ends).map((end): PodStep => ({ type: "pod ends", end, knowsRound: true, resumable: true })));
const edits = of(
  oneOf<UserStep | RunStep>(
    { type: "user edits", spec: { suspend: true } },
    { type: "user edits", spec: { suspend: false } },
    { type: "user edits", spec: { cancel: true } },
    { type: "user deletes the Job" },
    { type: "user deletes the pod" },
    { type: "user deletes the run" },
  ),
);
const podSteps = of(
  oneOf<PodStep>(
    { type: "pod is scheduled" },
    { type: "agent starts" },
    { type: "pod is evicted" },
    { type: "node is lost" },
    { type: "pod is gone" },
  ),
);
const trouble = fc.oneof(
  alone({ type: "operator restarts" }, { type: "user deletes the claim" }),
  fc
    .tuple(fc.nat(3), fc.boolean())
    .map(([after, applied]): TurnsStep => ({ step: { type: "request fails", after, applied } })),
);
const happening = fc.oneof(
  { weight: 4, arbitrary: catchUps },
  { weight: 3, arbitrary: alone({ type: "controllers act" }) },
  { weight: 3, arbitrary: time },
  { weight: 3, arbitrary: podSteps },
  { weight: 3, arbitrary: ending },
  { weight: 2, arbitrary: edits },
  { weight: 1, arbitrary: trouble },
);

it("lets runs of one service work in their workspace one at a time, and each in the end", async () => {
  const property = fc.asyncProperty(
    fc.array(happening as fc.Arbitrary<TurnsStep>, { minLength: 1, maxLength: 60, size: "max" }),
    fc.infiniteStream(fc.double({ min: 0, max: 0.99, noNaN: true })),
    async (steps, chance) => {
      const model = new TurnsModel({ runs, random: () => Number(chance.next().value) });
      for (const step of steps) await model.take(step);
      await model.finish();
    },
  );
  const { failed, counterexample, errorInstance, seed } = await fc.check(property, { numRuns: 2_000 });
  const why = errorInstance instanceof Error ? errorInstance.message : "";
  expect(failed, `seed ${seed}: ${why}\n${JSON.stringify(counterexample?.[0])}`).toBe(false);
}, 120_000);
