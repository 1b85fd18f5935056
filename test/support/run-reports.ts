import type { GatewayMessage, Usage } from "@orchestrator/core";

/** So many answers of the model, at five cents each. */
export function usageOf(turns: number): Usage {
  const tokens = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 };
  return { ...tokens, turns, costUsd: (turns * 0.05).toFixed(2) };
}

/** What a gateway reports that has delivered everything. */
export function deliveredBy(turns: number): GatewayMessage {
  return { version: 1, usage: usageOf(turns), delivery: { outcome: "Delivered" } };
}
