import { atOnce, type Decision, type Situation } from "./decision.ts";
import { roundStatus } from "./status.ts";

/** The round that the spec asks for begins; its first attempt starts as soon as nothing of the old one runs any more. */
export function beginRound({ observation, plan, now }: Situation): Decision {
  const status = roundStatus(observation, plan.contextVersion, now);
  const note = status.message ?? "";
  const event = { type: "Normal", reason: "RoundStarted", action: "BeginRound", note } as const;
  return {
    actions: [
      { type: "recordEvent", event },
      { type: "patchStatus", status },
    ],
    next: atOnce,
  };
}
