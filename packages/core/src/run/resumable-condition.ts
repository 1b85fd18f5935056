import type { Condition } from "../api/status.ts";
import type { GatewayMessage } from "../pod/termination-message.ts";
import type { ConditionClaim } from "./conditions.ts";
import { workspaceClaimName } from "./names.ts";
import type { RunView } from "./observation.ts";

export interface KeptFacts {
  run: Pick<RunView, "namespace" | "uid">;
  /** Of the workspace that the run works in; absent: it has none. */
  serviceName: string | undefined;
  /** Absent where the attempt's gateway did not report: what was known before still holds. */
  gateway: Pick<GatewayMessage, "resumable" | "pushedOnly" | "notKept"> | undefined;
  before: readonly Condition[] | undefined;
}

/**
 * The condition `Resumable`: whether a next attempt or round can go on from what this attempt has done, and where that
 * is kept. None where nothing was ever to be kept.
 */
export function resumableCondition(facts: KeptFacts): ConditionClaim[] {
  const { gateway, before } = facts;
  if (gateway === undefined) return [];
  const { resumable, notKept } = gateway;
  const place = placeOf(facts);
  if (resumable === true) {
    return [{ type: "Resumable", status: "True", reason: "WorkKept", message: whatIsKept(gateway, place, facts.run) }];
  }
  if (notKept !== undefined) {
    const message = `What the agent did is not kept in ${place}: ${notKept}. What is not delivered is lost, and what comes next begins a new session.`;
    return [{ type: "Resumable", status: "False", reason: "WorkNotKept", message }];
  }
  if (before?.some(({ type }) => type === "Resumable") !== true) return [];
  return [
    { type: "Resumable", status: "False", reason: "NothingKept", message: `Nothing is kept in ${place} any more.` },
  ];
}

function whatIsKept(
  { pushedOnly, notKept }: NonNullable<KeptFacts["gateway"]>,
  place: string,
  { uid }: KeptFacts["run"],
): string {
  const why = notKept === undefined ? "" : `: ${notKept}`;
  if (pushedOnly === true) {
    return `What is on the run's branch can be gone on from; the agent's session, and what is not pushed there, are not kept${why}.`;
  }
  if (notKept !== undefined) return `The work can be gone on from, but not all of it is kept${why}.`;
  return `The agent's session, and what is not delivered, are kept in ${place} under refs/orchestrator/${uid}.`;
}

function placeOf({ run, serviceName }: KeptFacts): string {
  if (serviceName === undefined) return "the repository";
  const claim = workspaceClaimName(run.namespace, serviceName);
  return `the workspace of service ${serviceName} (PersistentVolumeClaim ${claim})`;
}
