import { inspect } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { OperatorName } from "../support/operator.ts";
import { normalOutcome, Trial } from "../support/trial.ts";
import { startWorkbench, type Workbench } from "../support/workbench.ts";

const operators = [
  { operator: "docs-generation-operator", status: "docsgenerationruns/status" },
  { operator: "task-implementation-operator", status: "taskimplementationruns/status" },
] as const;

let bench: Workbench;
beforeAll(async () => {
  bench = await startWorkbench("killed-writing");
});
afterAll(() => bench[Symbol.asyncDispose]());

async function undisturbed(operator: OperatorName) {
  await using trial = await Trial.start({ bench, operator });
  await trial.apply();
  const outcome = await trial.outcome();
  return { outcome, writes: [...trial.writes] };
}

/** What becomes of a run whose operator is killed when its n-th write has become true, before it hears of that. */
async function killedAfter(operator: OperatorName, count: number) {
  await using trial = await Trial.start({ bench, operator, onWrite: (n) => n === count && trial.kill() });
  await trial.apply();
  await trial.untilKilled();
  const written = trial.writes.slice(0, count);
  await trial.startAgain();
  return { written, outcome: await trial.outcome() };
}

test.each(operators)(
  "a run ends as if nothing had happened when its $operator is killed after any of its writes",
  async ({ operator, status }) => {
    const { outcome, writes } = await undisturbed(operator);
    expect(outcome, inspect(outcome, { depth: 6 })).toMatchObject(normalOutcome);
    expect(outcome.status).toHaveProperty("usage.turns", outcome.modelRequests);
    const resources = ["networkpolicies", "configmaps", "jobs", "events"];
    expect(new Set(writes)).toEqual(new Set([...resources.map((one) => `POST ${one}`), `PATCH ${status}`]));

    const killed = writes.map(
      async (_, index) => await killedAfter(operator, index + 1).catch((error: unknown) => inspect(error)),
    );
    expect(await Promise.all(killed)).toEqual(
      writes.map((_, index) => ({ written: writes.slice(0, index + 1), outcome })),
    );
  },
  300_000,
);
