import type { Attempt, Provenance, RunStatus } from "../api/status.ts";
import type { Ending, Waiting } from "./attempt-state.ts";
import { phaseOf, withConditions, type ConditionClaim } from "./conditions.ts";
import { defined } from "./defined.ts";
import { explain } from "./messages.ts";
import type { Observation } from "./observation.ts";
import { reasons } from "./reason.ts";

/** The part of a status that one write changes, as a merge patch. */
export type StatusPatch = Partial<RunStatus> & Record<string, unknown>;

const accepted = { type: "Accepted", status: "True", reason: "Accepted", message: "The run is understood." } as const;

/** The one extra write of a run that waits longer than usual: it names why. */
export function waitingStatus(observation: Observation, waiting: Waiting, now: number): StatusPatch {
  const message = explain(waiting.endsAs, waiting.message);
  return {
    ...headline(observation, now, message, [
      accepted,
      { type: "Succeeded", status: "Unknown", reason: waiting.reason, message },
      { type: "Delivered", status: "Unknown", reason: "Pending", message: "The agent has not started yet." },
    ]),
    ...startTime(observation),
  };
}

/** The write that says that the agent has been seen started. */
export function runningStatus(observation: Observation, startedAt: number, now: number): StatusPatch {
  const message = `The agent works in pod ${observation.pod?.name ?? ""}.`;
  const { number, name } = observation.attempt;
  return {
    ...headline(observation, now, message, [
      accepted,
      { type: "Succeeded", status: "Unknown", reason: "Running", message },
      { type: "Delivered", status: "Unknown", reason: "Running", message: "The agent has not ended yet." },
    ]),
    ...startTime(observation),
    attempts: [{ number, jobName: name, startedAt: timestamp(startedAt), outcome: "Running" }],
  };
}

/** The last write of a run. `kindFields` are those that only its kind has. */
export function finalStatus(
  observation: Observation,
  ending: Ending,
  kindFields: Record<string, unknown>,
  now: number,
): StatusPatch {
  const { gateway } = ending;
  return {
    ...headline(observation, now, ending.message, [acceptance(observation, ending), ...verdictOf(ending)]),
    ...startTime(observation),
    completionTime: timestamp(now),
    ...attempts(observation, ending),
    ...defined({
      usage: gateway?.usage,
      totalCostUsd: gateway?.usage.costUsd,
      result: gateway?.delivery?.result,
    }),
    provenance: provenance(observation, ending),
    ...kindFields,
  };
}

/** RFC 3339 in UTC, to the second, as Kubernetes writes it. */
function timestamp(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

function headline(
  { run }: Observation,
  now: number,
  message: string,
  claims: readonly ConditionClaim[],
): Pick<RunStatus, "observedGeneration" | "phase" | "conditions" | "message"> {
  const conditions = withConditions(run.status.conditions, claims, {
    now: timestamp(now),
    generation: run.generation,
  });
  return { observedGeneration: run.generation, phase: phaseOf(conditions), conditions, message };
}

function verdictOf({ reason, message, gateway }: Ending): ConditionClaim[] {
  const succeeded = reasons[reason] === "success";
  const partial = gateway?.delivery?.result?.pullRequest;
  const undelivered = partial === undefined ? "Nothing was delivered." : `A part was delivered: ${partial.url}`;
  return [
    { type: "Succeeded", status: succeeded ? "True" : "False", reason, message },
    succeeded
      ? { type: "Delivered", status: "True", reason, message }
      : { type: "Delivered", status: "False", reason, message: undelivered },
  ];
}

/** A run that ended before it had a Job was not accepted as it is. */
function acceptance({ run, job, pod, jobSeen }: Observation, { reason, message }: Ending): ConditionClaim {
  const begun = job !== undefined || pod !== undefined || jobSeen || run.status.attempts !== undefined;
  if (begun) return accepted;
  return { type: "Accepted", status: "False", reason, message };
}

function attempts({ attempt, run, job, pod }: Observation, ending: Ending): { attempts?: Attempt[] } {
  const recorded = run.status.attempts?.find((candidate) => candidate.number === attempt.number);
  if (job === undefined && pod === undefined && recorded === undefined) return {};
  const { startedAt, finishedAt, exitCode, agent, gateway, reason, message } = ending;
  return {
    attempts: [
      {
        number: attempt.number,
        jobName: attempt.name,
        outcome: reasons[reason] === "success" ? "Succeeded" : "Failed",
        reason,
        message,
        ...defined({
          startedAt: startedAt === undefined ? recorded?.startedAt : timestamp(startedAt),
          finishedAt: finishedAt === undefined ? undefined : timestamp(finishedAt),
          exitCode,
          sessionId: agent?.sessionId,
          costUsd: gateway?.usage.costUsd,
        }),
      },
    ],
  };
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

function startTime({ run, job }: Observation): Pick<RunStatus, "startTime"> {
  if (run.status.startTime !== undefined || job === undefined) return {};
  return { startTime: timestamp(job.createdAt) };
}
