import type { Condition } from "../api/status.ts";
import type { GatewayMessage } from "../pod/termination-message.ts";
import type { ConditionClaim } from "./conditions.ts";

export interface KeptFacts {
  runUid: string;
  /** Absent where the attempt's gateway did not report: what was known before still holds. */
  gateway: Pick<GatewayMessage, "resumable" | "notKept"> | undefined;
  before: readonly Condition[] | undefined;
}

/**
 * The condition `Resumable`: whether a next attempt or round can go on from what this attempt has done, and where that
 * is kept. None where nothing was ever to be kept.
 */
export function resumableCondition({ runUid, gateway, before }: KeptFacts): ConditionClaim[] {
  if (gateway === undefined) return [];
  const { resumable, notKept } = gateway;
  if (resumable === true) {
    const where = `The agent's session, and what is not delivered, are kept in the repository under refs/orchestrator/${runUid}.`;
    const message =
      notKept === undefined ? where : `The work can be gone on from, but not all of it is kept: ${notKept}.`;
    return [{ type: "Resumable", status: "True", reason: "WorkKept", message }];
  }
  if (notKept !== undefined) {
    const message = `What the agent did is not kept in the repository: ${notKept}. What is not delivered is lost, and what comes next begins a new session.`;
    return [{ type: "Resumable", status: "False", reason: "WorkNotKept", message }];
  }
  if (before?.some(({ type }) => type === "Resumable") !== true) return [];
  const message = "Nothing is kept in the repository any more.";
  return [{ type: "Resumable", status: "False", reason: "NothingKept", message }];
}
