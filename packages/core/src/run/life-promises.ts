import { runStatus, type RunStatus, type Usage } from "../api/status.ts";
import type { GatewayMessage } from "../pod/termination-message.ts";
import { phaseOf } from "./conditions.ts";
import { costOf } from "./life-cluster.ts";
import { isTerminal } from "./observation.ts";
import type { RunPlan } from "./run-plan.ts";

/** What must hold, and whether it does. */
export type Promises = Record<string, boolean>;

/** Of every write of a status. */
export function statusPromises(before: RunStatus, after: RunStatus, plan: RunPlan, deadline: number): Promises {
  const { infrastructure, agent } = after.retries ?? { infrastructure: 0, agent: 0 };
  const numbers = (after.attempts ?? []).map(({ number }) => number);
  const promised = after.nextAttemptAt === before.nextAttemptAt ? undefined : after.nextAttemptAt;
  return {
    "a status is written where it says something new": JSON.stringify(before) !== JSON.stringify(after),
    "a phase that ends a round is final within it": !isTerminal(before) || !isSameRound(before, after),
    "rounds only rise": (before.round ?? 0) <= (after.round ?? 0),
    "the phase is a view of the condition": after.phase === phaseOf(after.conditions ?? []),
    "retries keep to their limits":
      infrastructure <= plan.retry.maxInfrastructureRetries && agent <= plan.retry.maxAgentRetries,
    "attempts are listed in order": numbers.every((number, index) => number === (numbers[0] ?? 0) + index),
    "no attempt is promised for after the deadline": promised == null || Date.parse(promised) < deadline,
    "a status fits its schema": runStatus.safeParse(after).success,
  };
}

/** Of a write within a round; `told` is what the gateway of the attempt that ends with it has reported. */
export function usagePromises(before: RunStatus, after: RunStatus, told: GatewayMessage | undefined): Promises {
  const all = Math.max(turnsOf(before.usage) + turnsOf(told?.usage), turnsOf(told?.roundUsage));
  const cost = after.usage?.costUsd ?? costOf(0);
  return {
    "usage is the sum over all attempts, whether or not they could tell": turnsOf(after.usage) === all,
    "the cost is that of all attempts": cost === costOf(all),
    "a round whose work is delivered has succeeded":
      told?.delivery?.outcome !== "Delivered" || after.phase === "Succeeded",
  };
}

function turnsOf(usage: Usage | undefined): number {
  return usage?.turns ?? 0;
}

export function isSameRound(before: RunStatus, after: RunStatus): boolean {
  return (before.round ?? after.round) === after.round;
}
