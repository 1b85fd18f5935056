import type { Attempt, Provenance, RunStatus, Retries } from "../api/status.ts";
import type { Ending, Waiting } from "./attempt-state.ts";
import { phaseOf, withConditions, type ConditionClaim } from "./conditions.ts";
import { recorded } from "./current-attempt.ts";
import { defined } from "./defined.ts";
import { explain, tell } from "./messages.ts";
import type { Observation } from "./observation.ts";
import { reasons, type Reason } from "./reason.ts";
import { resumableCondition } from "./resumable-condition.ts";
import { totalCostAfter, usageAfter } from "./round-usage.ts";
import { timestamp } from "./timestamp.ts";

/** The part of a status that one write changes, as a merge patch: null removes a field. */
export type StatusPatch = { [K in keyof RunStatus]?: RunStatus[K] | null } & Record<string, unknown>;

const listedAttempts = 10;
const accepted = { type: "Accepted", status: "True", reason: "Accepted", message: "The run is understood." } as const;

/** What a run waits for, its turn in a workspace included: that wait ends with the round, if need be. */
export type Wait =
  | Pick<Waiting, "reason" | "message" | "endsAs" | "about" | "retold">
  /** `expected`: it names who is likely to have the turn next. */
  | { reason: "WorkspaceInUse"; message: string; expected?: true };

/** An attempt that waits longer than usual says why, and until when there is time to mend it; `deadline` is the round's. */
export function waitingStatus(
  observation: Observation,
  waiting: Wait,
  { now, until, deadline }: { now: number; until: number; deadline: number },
): StatusPatch {
  const limit =
    deadline < until ? `${timestamp(deadline)} (spec.deadline)` : `${timestamp(until)} (spec.pendingTimeout)`;
  // What only takes its time has nothing to be mended.
  const message =
    "endsAs" in waiting && waiting.reason === waiting.endsAs
      ? explain(waiting.endsAs, waiting.message, `This attempt waits until ${limit} at the longest.`)
      : tell(waiting.message);
  return { ...undecided(observation, { reason: waiting.reason, message }, now), ...startTime(observation) };
}

/** The write that says that the agent has been seen started. */
export function runningStatus(observation: Observation, startedAt: number, now: number): StatusPatch {
  const message = `The agent works in pod ${observation.pod?.name ?? ""}.`;
  const { number, round, name } = observation.attempt;
  const attempt: Attempt = { number, round, jobName: name, startedAt: timestamp(startedAt), outcome: "Running" };
  return {
    ...undecided(observation, { reason: "Running", message }, now),
    ...startTime(observation),
    ...noNextAttempt(observation),
    attempts: withAttempt(observation, attempt),
  };
}

/** The agent was told to stop, and its pod has time to keep the work. */
export function stoppingStatus(observation: Observation, why: string, now: number): StatusPatch {
  const message = tell(why, `Pod ${observation.pod?.name ?? ""} is ending.`);
  return undecided(observation, { reason: "Running", message }, now);
}

/** A person holds the run before its next attempt. */
export function suspendedStatus(observation: Observation, now: number): StatusPatch {
  const message = `Attempt ${observation.attempt.number} waits until spec.suspend is unset.`;
  return { ...undecided(observation, { reason: "Suspended", message }, now), ...startTime(observation) };
}

/** The next attempt starts at `at`, which may be now. */
export function resumedStatus(observation: Observation, at: number, now: number): StatusPatch {
  const message = `Attempt ${observation.attempt.number} starts at ${timestamp(at)}.`;
  const reason = at > now ? "Retrying" : "Pending";
  return { ...undecided(observation, { reason, message }, now), nextAttemptAt: timestamp(at) };
}

/** A round begins anew, but for what all rounds have cost and for the history of attempts. */
export function roundStatus(observation: Observation, round: number, now: number): StatusPatch {
  const message = `Round ${round} begins.`;
  return {
    ...undecided(observation, { reason: "Pending", message }, now),
    round,
    startTime: timestamp(now),
    completionTime: null,
    retries: null,
    nextAttemptAt: null,
    usage: null,
  };
}

export interface AttemptEnd {
  ending: Ending;
  /** Fields that only the run's kind has. */
  kindFields: Record<string, unknown>;
}

/** An attempt has ended, and another one follows. */
export function retryingStatus(
  observation: Observation,
  end: AttemptEnd,
  next: { at: number; retries: Retries; outcome: string; suspended: boolean },
  now: number,
): StatusPatch {
  const message = tell(`${end.ending.reason}: ${end.ending.message}`, next.outcome);
  const reason = next.suspended ? "Suspended" : "Retrying";
  return {
    ...undecided(observation, { reason, message }, now, resumability(observation, end)),
    ...startTime(observation),
    ...afterAttempt(observation, end),
    retries: next.retries,
    nextAttemptAt: timestamp(next.at),
  };
}

/** The last write of a round. `end` is absent where no attempt was under way. */
export function finalStatus(
  observation: Observation,
  { reason, message, end }: { reason: Reason; message: string; end?: AttemptEnd | undefined },
  now: number,
): StatusPatch {
  return {
    ...headline(
      observation,
      message,
      [acceptance(observation, reason, message), ...verdictOf(reason, message, end), ...resumability(observation, end)],
      now,
    ),
    ...startTime(observation),
    ...(end && afterAttempt(observation, end)),
    ...noNextAttempt(observation),
    completionTime: timestamp(now),
  };
}

function undecided(
  observation: Observation,
  { reason, message }: { reason: string; message: string },
  now: number,
  further: readonly ConditionClaim[] = [],
) {
  return headline(
    observation,
    message,
    [
      accepted,
      { type: "Succeeded", status: "Unknown", reason, message },
      { type: "Delivered", status: "Unknown", reason, message: "The agent has not ended yet." },
      ...further,
    ],
    now,
  );
}

function headline(
  { run, attempt }: Observation,
  message: string,
  claims: readonly ConditionClaim[],
  now: number,
): Required<Pick<RunStatus, "observedGeneration" | "phase" | "conditions" | "message" | "round">> {
  const at = { now: timestamp(now), generation: run.generation };
  const conditions = withConditions(run.status.conditions, claims, at);
  const { round } = attempt;
  return { observedGeneration: run.generation, phase: phaseOf(conditions), conditions, message, round };
}

function verdictOf(reason: Reason, message: string, end: AttemptEnd | undefined): ConditionClaim[] {
  if (reasons[reason] === "success") {
    return (["Succeeded", "Delivered"] as const).map((type) => ({ type, status: "True", reason, message }));
  }
  const partial = end?.ending.gateway?.delivery?.result?.pullRequest;
  const undelivered = partial === undefined ? "Nothing was delivered." : `A part was delivered: ${partial.url}`;
  return [
    { type: "Succeeded", status: "False", reason, message },
    { type: "Delivered", status: "False", reason, message: undelivered },
  ];
}

function resumability({ run, workspace }: Observation, end: AttemptEnd | undefined): ConditionClaim[] {
  const serviceName = workspace?.wish.serviceName;
  return resumableCondition({ run, serviceName, gateway: end?.ending.gateway, before: run.status.conditions });
}

/** A run that could not even be begun because of what it says was not accepted as it is. */
function acceptance(observation: Observation, reason: Reason, message: string): ConditionClaim {
  if (reasons[reason] !== "configuration" || hasBegun(observation)) return accepted;
  return { type: "Accepted", status: "False", reason, message };
}

function hasBegun({ run, attempt, job, pod, jobSeen }: Observation): boolean {
  return job !== undefined || pod !== undefined || jobSeen || recorded(run, attempt) !== undefined;
}

/** What the end of an attempt leaves in the status, whether or not another follows. */
function afterAttempt(observation: Observation, { ending, kindFields }: AttemptEnd): StatusPatch {
  const { status } = observation.run;
  const usage = usageAfter(status.usage, ending.gateway);
  return {
    ...attempts(observation, ending),
    ...defined({
      usage,
      totalCostUsd: totalCostAfter(status, usage),
      result: ending.gateway?.delivery?.result ?? ending.gateway?.result,
    }),
    provenance: provenance(observation, ending),
    ...kindFields,
  };
}

/** An attempt that came to nothing because of what the run says is not listed. */
function attempts(observation: Observation, ending: Ending): { attempts?: Attempt[] } {
  const { attempt, run } = observation;
  if (!hasBegun(observation) && reasons[ending.reason] === "configuration") return {};
  const { startedAt, finishedAt, exitCode, agent, gateway, reason, message } = ending;
  const ended: Attempt = {
    number: attempt.number,
    round: attempt.round,
    jobName: attempt.name,
    outcome: reasons[reason] === "success" ? "Succeeded" : "Failed",
    reason,
    message: tell(message),
    ...defined({
      startedAt: startedAt === undefined ? recorded(run, attempt)?.startedAt : timestamp(startedAt),
      finishedAt: finishedAt === undefined ? undefined : timestamp(finishedAt),
      exitCode,
      sessionId: agent?.sessionId,
      costUsd: gateway?.usage.costUsd,
    }),
  };
  return { attempts: withAttempt(observation, ended) };
}

function withAttempt({ run }: Observation, attempt: Attempt): Attempt[] {
  const others = (run.status.attempts ?? []).filter(({ number }) => number !== attempt.number);
  return [...others, attempt].slice(-listedAttempts);
}

function provenance({ job }: Observation, { agent, gateway }: Ending): Provenance {
  return defined({
    image: job?.image,
    agentVersion: agent?.agentVersion,
    model: gateway?.model,
    settingsHash: job?.settingsHash,
    promptHash: job?.promptHash,
  });
}

/** The first round begins with the run: its deadline counts from there, whatever it waits for. */
function startTime({ run }: Observation): Pick<RunStatus, "startTime"> {
  return run.status.startTime === undefined ? { startTime: timestamp(run.createdAt) } : {};
}

function noNextAttempt({ run }: Observation): Pick<StatusPatch, "nextAttemptAt"> {
  return run.status.nextAttemptAt === undefined ? {} : { nextAttemptAt: null };
}
