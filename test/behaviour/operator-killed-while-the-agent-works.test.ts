import { basename } from "node:path";
import { inspect } from "node:util";
import type { ApiCall, Tap } from "@orchestrator/fault-kit";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OperatorName } from "../support/operator.ts";
import { testSeed } from "../support/seed.ts";
import { normalOutcome, type Outcome, Trial } from "../support/trial.ts";
import { startWorkbench, type Workbench } from "../support/workbench.ts";

const operators = [
  { operator: "docs-generation-operator", seed: testSeed() },
  { operator: "task-implementation-operator", seed: testSeed() + 1 },
] as const;

let bench: Workbench;
beforeAll(async () => {
  bench = await startWorkbench("killed-waiting");
});
afterAll(() => bench[Symbol.asyncDispose]());

/** Something of a run's pod that the world outside can see: `the model is asked 2`, `the forge has answered POST pulls 7`. */
type Step = string;

const model = "the model";
const forge = "the forge";

/** Taps that tell each step in order; the pod goes on when the teller has resolved. */
function taps(tell: (step: Step) => Promise<void> | void): { model: Tap; forge: Tap } {
  const follow = (who: string, name: (call: ApiCall) => string | undefined): Tap => {
    const names = new Map<ApiCall, string>();
    return {
      onRequest(call) {
        const named = name(call);
        if (named === undefined) return undefined;
        names.set(call, `${named} ${names.size + 1}`);
        return tell(`${who} is asked ${names.get(call)}`);
      },
      onAnswer: (call) => (names.has(call) ? tell(`${who} has answered ${names.get(call)}`) : undefined),
    };
  };
  return {
    model: follow(model, ({ path }) => (/^\/v1\/messages(\?|$)/.test(path) ? "request" : undefined)),
    forge: follow(forge, ({ method, path }) => `${method} ${basename(new URL(path, "https://forge").pathname)}`),
  };
}

async function undisturbed(operator: OperatorName): Promise<{ outcome: Outcome; steps: Step[] }> {
  const steps: Step[] = [];
  await using trial = await Trial.start({ bench, operator, ...taps((step) => void steps.push(step)) });
  await trial.apply();
  return { outcome: await trial.outcome(), steps };
}

interface Moment {
  step: Step;
  /** When it is started again: while the pod is held at that step, or when the Job is over. */
  back: "at once" | "when the Job is over";
}

/** What becomes of a run whose operator is killed at a moment. */
async function killedAt(operator: OperatorName, { step, back }: Moment): Promise<Outcome> {
  const goOn = Promise.withResolvers<void>();
  const tell = async (seen: Step): Promise<void> => {
    if (seen !== step) return;
    await trial.kill();
    if (back === "at once") await goOn.promise;
  };
  await using trial = await Trial.start({ bench, operator, ...taps(tell) });
  await trial.apply();
  await trial.untilKilled();
  if (back === "when the Job is over") await trial.untilJobIsOver();
  await trial.startAgain();
  goOn.resolve();
  return await trial.outcome();
}

/** Three steps, and both ways to come back. */
function draw(steps: Step[], seed: number): Moment[] {
  const three = fc.shuffledSubarray(steps, { minLength: 3, maxLength: 3 });
  const [drawn] = fc.sample(fc.tuple(three, fc.nat(1)), { seed, numRuns: 1 });
  const [chosen, first] = drawn ?? [[], 0];
  return chosen.map((step, index) => ({ step, back: (index + first) % 2 === 0 ? "at once" : "when the Job is over" }));
}

test.each(operators)(
  `a run ends as if nothing had happened when its $operator is killed while the agent works or delivers (SEED=${testSeed()})`,
  async ({ operator, seed }) => {
    const { outcome, steps } = await undisturbed(operator);
    expect(outcome, inspect(outcome, { depth: 6 })).toMatchObject(normalOutcome);
    expect(outcome.status).toHaveProperty("usage.turns", outcome.modelRequests);
    const working = steps.filter((step) => step.startsWith(model));
    const delivering = steps.slice(steps.lastIndexOf(working.at(-1) ?? "") + 1);
    const moments = [...draw(working, seed), ...draw(delivering, seed)];

    const killed = moments.map(async (moment) => {
      const became = await killedAt(operator, moment).catch((error: unknown) => inspect(error));
      return { ...moment, became };
    });
    expect(await Promise.all(killed)).toEqual(moments.map((moment) => ({ ...moment, became: outcome })));
  },
  300_000,
);
