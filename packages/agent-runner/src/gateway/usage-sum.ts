import { addUsd, compareUsd, type Usage } from "@orchestrator/core/pure";

const counts = ["inputTokens", "outputTokens", "cacheReadTokens", "cacheCreationTokens", "turns"] as const;

export function noUsage(): Usage {
  return { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0, turns: 0 };
}

/** Both together. The cost is unknown where one of them has used something at an unknown cost. */
export function addUsage(a: Usage, b: Usage): Usage {
  return combine(a, b, { count: (one, other) => one + other, cost: (one, other) => addUsd([one, other]) });
}

/** Of each count the greater one: two accounts of the same spending, each of which may have missed some of it. */
export function greaterUsage(a: Usage, b: Usage): Usage {
  return combine(a, b, { count: Math.max, cost: (one, other) => (compareUsd(one, other) < 0 ? other : one) });
}

function combine(
  a: Usage,
  b: Usage,
  by: { count: (a: number, b: number) => number; cost: (a: string, b: string) => string },
): Usage {
  const usage = noUsage();
  for (const name of counts) usage[name] = by.count(a[name], b[name]);
  const [costOfA, costOfB] = [knownCost(a), knownCost(b)];
  const nobodyTold = a.costUsd === undefined && b.costUsd === undefined;
  if (nobodyTold || costOfA === undefined || costOfB === undefined) return usage;
  return { ...usage, costUsd: by.cost(costOfA, costOfB) };
}

/** Who has used nothing has spent nothing. */
function knownCost(usage: Usage): string | undefined {
  return usage.costUsd ?? (counts.every((name) => usage[name] === 0) ? "0" : undefined);
}
