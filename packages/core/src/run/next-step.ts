import type { Retries } from "../api/status.ts";
import type { Ending } from "./attempt-state.ts";
import { backoffMs } from "./backoff.ts";
import { endedAttempts, recorded } from "./current-attempt.ts";
import type { Situation } from "./decision.ts";
import { isReason, reasons, type Reason } from "./reason.ts";
import { timestamp } from "./timestamp.ts";

/** What follows from the end of an attempt. `outcome` is a sentence for the reader. */
export type NextStep =
  | { type: "end"; reason: Reason; outcome: string }
  | { type: "retry"; at: number; retries: Retries; outcome: string };

const none: Retries = { infrastructure: 0, agent: 0 };

/** Whether the round makes another attempt, and when (design, section 5). */
export function nextStep(situation: Situation, ending: Ending): NextStep {
  const { reason } = ending;
  const reasonClass = reasons[reason];
  switch (reasonClass) {
    case "success":
    case "configuration":
    case "limit":
    case "choice":
      return { type: "end", reason, outcome: "" };
    case "infrastructure":
    case "agent":
      return obstacle(situation, ending) ?? countedRetry(situation, reason, reasonClass);
    case "provider":
      return obstacle(situation, ending) ?? retry(situation, reason, providerWaitMs(situation, ending), none, "");
  }
}

/** What forbids another attempt however many may be made. */
function obstacle(situation: Situation, ending: Ending): NextStep | undefined {
  const { reason } = ending;
  const { contextVersion } = situation.plan;
  if (ending.final === true) return { type: "end", reason, outcome: "" };
  if (isLost(situation, ending)) {
    return { type: "end", reason, outcome: "Its work could not be kept, and it is not done again from nothing." };
  }
  if (contextVersion <= situation.observation.attempt.round) return undefined;
  return { type: "end", reason, outcome: `Round ${contextVersion} takes its place.` };
}

const limits = { infrastructure: "maxInfrastructureRetries", agent: "maxAgentRetries" } as const;

function countedRetry(situation: Situation, reason: Reason, kind: keyof Retries): NextStep {
  const { retry: plan } = situation.plan;
  const used = usedRetries(situation)[kind];
  const allowed = plan[limits[kind]];
  if (used >= allowed) {
    const outcome = allowed === 0 ? "" : `All retries (spec.retryConfig.${limits[kind]}: ${allowed}) are used.`;
    return { type: "end", reason, outcome };
  }
  const wait = backoffMs(plan.backoff, used, situation.random);
  return retry(situation, reason, wait, { ...none, [kind]: 1 }, ` (${kind} retry ${used + 1} of ${allowed})`);
}

function retry(situation: Situation, reason: Reason, waitMs: number, more: Retries, which: string): NextStep {
  const { now, deadline, observation, plan } = situation;
  const at = Math.ceil((now + waitMs) / 1000) * 1000;
  if (at >= deadline) {
    const outcome = `It ended with ${reason}, and no other attempt can start before the round's deadline.`;
    return { type: "end", reason: "DeadlineExceeded", outcome };
  }
  const used = usedRetries(situation);
  const retries = { infrastructure: used.infrastructure + more.infrastructure, agent: used.agent + more.agent };
  const start = plan.suspend ? "waits until spec.suspend is unset" : `starts at ${timestamp(at)}`;
  return { type: "retry", at, retries, outcome: `Attempt ${observation.attempt.number + 1} ${start}${which}.` };
}

function usedRetries({ observation }: Situation): Retries {
  return observation.run.status.retries ?? none;
}

/** At least as long as the provider asks for; where it does not say, longer with each time that it refused. */
function providerWaitMs({ observation, plan, random }: Situation, { gateway }: Ending): number {
  const { backoff } = plan.retry;
  const asked = gateway?.retryAfterSeconds;
  if (asked !== undefined) return asked * 1000 + random * backoff.initialMs;
  const before = endedAttempts(observation.run.status, observation.attempt.round);
  const others = before.findIndex(({ reason }) => !isReason(reason) || reasons[reason] !== "provider");
  return backoffMs(backoff, others < 0 ? before.length : others, random);
}

/** The agent has worked, and its gateway knows that nothing of it can be had again. */
function isLost({ observation }: Situation, { reason, startedAt, gateway }: Ending): boolean {
  if (reasons[reason] === "agent" || gateway?.resumable !== false) return false;
  const begun = startedAt !== undefined || recorded(observation.run, observation.attempt)?.startedAt !== undefined;
  return begun && (reasons[reason] !== "provider" || gateway.usage.turns > 0);
}
