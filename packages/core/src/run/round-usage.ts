import type { RunStatus, Usage } from "../api/status.ts";
import type { GatewayMessage } from "../pod/termination-message.ts";
import { addUsd, compareUsd, isUsd, subtractUsd } from "../prices/cost-usd.ts";
import { defined } from "./defined.ts";

export const noUsage: Usage = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheCreationTokens: 0,
  turns: 0,
};

const counts = ["inputTokens", "outputTokens", "cacheReadTokens", "cacheCreationTokens", "turns"] as const;

/**
 * What a round has used, now that one more attempt has ended: what was known and the attempt's own, or what the gateway knows of
 * the whole round, whichever is more. The gateway's sum holds attempts that could not report, and lacks those whose ledger was
 * lost. Undefined where nobody has told anything yet.
 */
export function usageAfter(before: Usage | undefined, told: GatewayMessage | undefined): Usage | undefined {
  if (told === undefined) return before;
  const sum = merge(before ?? noUsage, told.usage, { count: (a, b) => a + b, cost: (a, b) => addUsd([a, b]) });
  if (told.roundUsage === undefined) return sum;
  return merge(sum, told.roundUsage, { count: Math.max, cost: (a, b) => (compareUsd(a, b) < 0 ? b : a) });
}

/** What all rounds have cost, when the current one has come to `usage`. */
export function totalCostAfter(
  { totalCostUsd, usage: before }: RunStatus,
  usage: Usage | undefined,
): string | undefined {
  const [total, after] = [known(totalCostUsd), known(usage?.costUsd)];
  if (total === undefined || after === undefined) return total ?? after;
  return subtractUsd(addUsd([total, after]), known(before?.costUsd) ?? "0");
}

function merge(
  a: Usage,
  b: Usage,
  by: { count: (a: number, b: number) => number; cost: (a: string, b: string) => string },
): Usage {
  const merged = { ...noUsage };
  for (const name of counts) merged[name] = by.count(a[name], b[name]);
  return { ...merged, ...defined({ costUsd: cost(a.costUsd, b.costUsd, by.cost) }) };
}

/** A cost that nobody knows counts for nothing: the sum is that of the known ones. */
function cost(a: string | undefined, b: string | undefined, by: (a: string, b: string) => string): string | undefined {
  const [first, second] = [known(a), known(b)];
  return first === undefined || second === undefined ? (first ?? second) : by(first, second);
}

function known(cost: string | undefined): string | undefined {
  return cost !== undefined && isUsd(cost) ? cost : undefined;
}
