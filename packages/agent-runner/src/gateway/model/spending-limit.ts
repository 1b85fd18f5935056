import { compareUsd, priceOf, type RunInputs, type Usage, type Verdict } from "@orchestrator/core/pure";

type Budget = NonNullable<RunInputs["budget"]>;

/** Why nothing more may be asked of the model: the round has used what its budget gives it. Undefined while it may. */
export function limitMet(budget: Budget | undefined, used: Usage): Verdict | undefined {
  const { maxCostUsd, maxTurns } = budget ?? {};
  if (maxCostUsd !== undefined && used.costUsd !== undefined && compareUsd(used.costUsd, maxCostUsd) >= 0) {
    const message = `the round has cost $${used.costUsd}, and spec.budget.maxCostUsd is ${maxCostUsd}`;
    return { reason: "BudgetExceeded", message };
  }
  if (maxTurns !== undefined && used.turns >= maxTurns) {
    const message = `the round has taken ${used.turns} turns, and spec.budget.maxTurns is ${maxTurns}`;
    return { reason: "MaxTurnsReached", message, final: true };
  }
  return undefined;
}

/** Why this model may not be asked: nobody could say when it has cost what the budget gives. */
export function unpricedModel(budget: Budget | undefined, model: string): Verdict | undefined {
  if (budget?.maxCostUsd === undefined || priceOf(model) !== undefined) return undefined;
  const message = `model ${model} has no known price, so spec.budget.maxCostUsd cannot be kept; spec.model has to name one that has`;
  return { reason: "InvalidInput", message };
}
