import fc from "fast-check";
import { expect, it } from "vitest";
import { ends, type PodStep, type UserStep } from "./life-steps.ts";
import { type Kind, TurnsModel, type TurnsStep } from "./turns-model.ts";

const runs = 3;
const oneOf = <T>(...values: T[]) => fc.constantFrom(...values);
const run = fc.nat(runs - 1);
const pod = (step: fc.Arbitrary<PodStep>) => fc.record({ on: fc.constant("pod" as const), run, step });
const user = (...steps: UserStep[]) => fc.record({ on: fc.constant("user" as const), run, step: oneOf(...steps) });
const cluster = (step: Extract<TurnsStep, { on: "cluster" }>["step"]) => ({ on: "cluster", step }) as const;
const operator = (step: Extract<TurnsStep, { on: "operator" }>["step"]) => ({ on: "operator", step }) as const;

const catchUps = oneOf<Kind>("runs", "jobs", "pods", "claim").map((kind) =>
  operator({ type: "watch catches up", kind }),
);
const time = oneOf(1, 6, 15, 70, 130, -30).map((seconds) => operator({ type: "time passes", seconds }));
const ending = pod(oneOf(...ends).map((end) => ({ type: "pod ends", end, knowsRound: true, resumable: true })));
const edits = user(
  { type: "user edits", spec: { suspend: true } },
  { type: "user edits", spec: { suspend: false } },
  { type: "user edits", spec: { cancel: true } },
  { type: "user deletes the Job" },
  { type: "user deletes the pod" },
);
const podSteps = pod(
  oneOf<PodStep>(
    { type: "pod is scheduled" },
    { type: "agent starts" },
    { type: "pod is evicted" },
    { type: "node is lost" },
    { type: "pod is gone" },
  ),
);
const trouble = fc.oneof(
  fc.constant(operator({ type: "operator restarts" })),
  fc.constant(operator({ type: "standby catches up" })),
  fc.constant(operator({ type: "standby leads" })),
  fc.constant(cluster({ type: "claim is deleted" })),
  run.map((gone) => cluster({ type: "run is deleted", run: gone })),
  fc.tuple(fc.nat(3), fc.boolean()).map(([after, applied]) => operator({ type: "request fails", after, applied })),
);
const simple = fc.oneof(
  { weight: 4, arbitrary: catchUps },
  { weight: 3, arbitrary: fc.constant(cluster({ type: "controllers act" })) },
  { weight: 3, arbitrary: time },
  { weight: 3, arbitrary: podSteps },
  { weight: 3, arbitrary: ending },
  { weight: 2, arbitrary: edits },
  { weight: 1, arbitrary: trouble },
);
const slowRequest = fc
  .tuple(fc.nat(6), fc.array(simple, { minLength: 1, maxLength: 6, size: "max" }))
  .map(([after, meanwhile]) => operator({ type: "request takes long", after, meanwhile }));
const happening = fc.oneof({ weight: 12, arbitrary: simple }, { weight: 1, arbitrary: slowRequest });

it("lets runs of one service work in their workspace one at a time, and each in the end", async () => {
  const property = fc.asyncProperty(
    fc.array(happening, { minLength: 1, maxLength: 60, size: "max" }),
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
