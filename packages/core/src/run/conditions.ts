import type { Condition, Phase } from "../api/status.ts";

/** What a condition says; when it began to say so is worked out from the conditions before. */
export interface ConditionClaim {
  type: "Accepted" | "Succeeded" | "Delivered" | "Resumable";
  status: Condition["status"];
  reason: string;
  message: string;
}

/** The conditions with these claims in place; `lastTransitionTime` moves only where a status changes. */
export function withConditions(
  before: readonly Condition[] | undefined,
  claims: readonly ConditionClaim[],
  at: { now: string; generation: number },
): Condition[] {
  const claimed = claims.map((claim) => {
    const previous = before?.find((condition) => condition.type === claim.type);
    const lastTransitionTime = previous?.status === claim.status ? previous.lastTransitionTime : at.now;
    return { ...claim, lastTransitionTime, observedGeneration: at.generation };
  });
  const kept = (before ?? []).filter((condition) => !claims.some((claim) => claim.type === condition.type));
  return [...kept, ...claimed];
}

/** The reasons of `Succeeded` that are a phase of their own while it is not decided; every other one is a kind of waiting. */
const undecidedPhases = ["Running", "Retrying", "Suspended"] as const satisfies Phase[];

/** The phase is a view of the condition `Succeeded`. */
export function phaseOf(conditions: readonly Condition[]): Phase {
  const succeeded = conditions.find((condition) => condition.type === "Succeeded");
  switch (succeeded?.status) {
    case "True":
      return "Succeeded";
    case "False":
      return succeeded.reason === "Cancelled" ? "Cancelled" : "Failed";
    case "Unknown":
    case undefined:
      return undecidedPhases.find((phase) => phase === succeeded?.reason) ?? "Pending";
  }
}
