import type { RunInputs } from "@orchestrator/core/pure";

/**
 * How many turns the round's budget leaves, none or less where it is used up. `taken`: in this attempt so far.
 * Undefined where turns are not limited.
 */
export function turnsLeft({ budget, spent }: Pick<RunInputs, "budget" | "spent">, taken: number): number | undefined {
  return budget?.maxTurns === undefined ? undefined : budget.maxTurns - spent.turns - taken;
}
