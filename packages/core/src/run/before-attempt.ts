import { apiVersion, resources } from "@orchestrator/controller-runtime";
import type { z } from "zod";
import type { ControllerError } from "../errors/controller-error.ts";
import { isControllerError } from "../errors/to-controller-error.ts";
import type { AttemptResources } from "../pod/attempt-resources.ts";
import { attemptDue } from "./attempt-due.ts";
import type { Waiting } from "./attempt-state.ts";
import { settleMs } from "./check-attempt.ts";
import { endedAttempts } from "./current-attempt.ts";
import { lookAgain, lookFirst, type Action, type Decision, type Situation } from "./decision.ts";
import { endRound } from "./end-attempt.ts";
import { beginRound } from "./begin-round.ts";
import { liveJobs } from "./job-handler.ts";
import { ensureNetworkPolicy } from "./network-policy.ts";
import type { Observation, PodView } from "./observation.ts";
import { isReason, type Reason } from "./reason.ts";
import { resumeOf } from "./resume.ts";
import { noUsage } from "./round-usage.ts";
import { resumedStatus, suspendedStatus } from "./status.ts";
import { turnOf, type Turn } from "./turn.ts";
import { notice } from "./wait.ts";
import { buildClaim, type WorkspaceView } from "./workspace.ts";

/** No attempt is under way, and the round is not over: the next one is held, waited for, or made. */
export function beforeAttempt(situation: Situation): Decision {
  const { observation, plan, now } = situation;
  const { run, attempt } = observation;
  if (plan.contextVersion > attempt.round) return giveWay(situation);
  if (plan.suspend) return suspend(situation);
  if (run.status.phase === "Suspended") return goOn(situation);
  const due = attemptDue(run);
  if (due > now) return lookAgain(situation, [], due);
  if (liveJobs(observation).length > 0) return lookAgain(situation, [], now + settleMs);
  const old = observation.others.pods.find((pod) => !pod.ended);
  return old === undefined ? start(situation) : waitForOld(situation, old, due);
}

/**
 * Since when nothing of the run's own keeps its next attempt from starting: its turn in a workspace has come, too. What is `shared`
 * with other runs is written before the turn is taken, and nothing tells when that had come.
 */
export function startDue({ observation, now }: Situation, { shared }: { shared: boolean }): number {
  const { run, attempt, workspace } = observation;
  const due = attemptDue(run);
  if (workspace?.claim === undefined) return due;
  const { holder } = workspace.claim;
  if (holder?.runUid === run.uid && holder.attempt === attempt.name) return Math.max(due, holder.since);
  return shared ? due : now;
}

/** A newer round is asked for, and this one has no attempt under way: it ends as its last attempt did. */
function giveWay(situation: Situation): Decision {
  const { observation, plan } = situation;
  const [last] = endedAttempts(observation.run.status, observation.attempt.round);
  if (!isReason(last?.reason)) return beginRound(situation);
  const outcome = `Round ${plan.contextVersion} takes its place.`;
  return endRound(situation, { reason: last.reason, message: last.message ?? "", outcome });
}

function suspend(situation: Situation): Decision {
  const { observation, now, deadline } = situation;
  if (observation.run.status.phase === "Suspended") return lookAgain(situation, [], deadline);
  const status = suspendedStatus(observation, now);
  const note = status.message ?? "";
  const event = { type: "Normal", reason: "Suspended", action: "WaitForAttempt", note } as const;
  return lookAgain(
    situation,
    [
      { type: "recordEvent", event },
      { type: "patchStatus", status },
    ],
    deadline,
  );
}

function goOn(situation: Situation): Decision {
  const { observation, now } = situation;
  const at = Math.max(Date.parse(observation.run.status.nextAttemptAt ?? "") || 0, now);
  const status = resumedStatus(observation, at, now);
  const note = status.message ?? "";
  const event = { type: "Normal", reason: "Resumed", action: "WaitForAttempt", note } as const;
  return lookAgain(
    situation,
    [
      { type: "recordEvent", event },
      { type: "patchStatus", status },
    ],
    at,
  );
}

/** Two pods of a run never work at once: what the first one pushes would be lost, and the second one's cost wasted. */
function waitForOld(situation: Situation, pod: PodView, since: number): Decision {
  const where = pod.node === undefined ? "" : ` on node ${pod.node}`;
  const message = `Pod ${pod.name}${where} of an earlier attempt may still run; the next attempt starts when it has ended or is gone`;
  const waiting: Waiting = { reason: "OldPodRunning", endsAs: "NodeLost", hopeless: false, message };
  return notice(situation, waiting, { since, until: situation.deadline });
}

function start(situation: Situation): Decision {
  const { observation, now, settings } = situation;
  const parsed = parseSpec(situation);
  if (parsed.type === "impossible") return endImpossible(situation, parsed);
  const { workspace } = observation;
  const turn = workspace && turnOf(situation, workspace);
  if (turn?.type === "wait") return waitForTurn(situation, turn);
  const built = build(situation, parsed.spec);
  if (built.type === "impossible") return endImpossible(situation, built);
  const { configMap, job } = built.resources;
  const decision = lookAgain(
    situation,
    [
      ...ensureNetworkPolicy(situation),
      ...(workspace === undefined ? [] : [take(situation, workspace)]),
      { type: "create", resource: resources.configMaps, object: configMap },
      { type: "create", resource: resources.jobs, object: job },
    ],
    now + settings.waitingNoticeAfterMs,
  );
  return lookFirst(decision, ...notSeenToRest(observation));
}

/** UIDs of the runs that must have no Job or pod that works, or the attempt would be one too many. */
function notSeenToRest({ run, attempt, inherited, workspace }: Observation): string[] {
  const holder = workspace?.claim?.holder?.runUid;
  const before = holder === undefined || holder === run.uid ? [] : [holder];
  // The name of the very first Job is taken as long as that Job exists, and nothing else can be at work.
  const first = attempt.number === 1 && attempt.round === 1;
  return first && inherited !== true ? before : [run.uid, ...before];
}

/** Whoever has just taken the workspace is told of when it is likely to have a pod on a node, once. */
function waitForTurn(situation: Situation, { message, until, expected }: Extract<Turn, { type: "wait" }>): Decision {
  const { run, workspace } = situation.observation;
  const since = Math.max(attemptDue(run), workspace?.claim?.holder?.since ?? 0);
  return notice(situation, { reason: "WorkspaceInUse", message, ...(expected && { expected }) }, { since, until });
}

function take({ observation, settings, now }: Situation, workspace: WorkspaceView): Action {
  const { workspaceAccessMode: accessMode } = settings.attempt;
  return {
    type: "takeWorkspace",
    claim: buildClaim(observation, workspace, { accessMode, now }),
    seen: workspace.claim,
  };
}

/** An attempt cannot be made for a reason that trying again does not mend. */
export function endImpossible(
  situation: Situation,
  { reason, message }: { reason: Reason; message: string },
): Decision {
  return endRound(situation, { reason, message });
}

interface Impossible {
  type: "impossible";
  reason: Reason;
  message: string;
}

function parseSpec({ handler, observation }: Situation): { type: "parsed"; spec: unknown } | Impossible {
  const { run } = observation;
  const spec = handler.spec.safeParse(run.spec);
  if (spec.success) return { type: "parsed", spec: spec.data };
  const message = `${handler.resource.kind} ${run.name} cannot be carried out: ${firstFinding(spec.error)}`;
  return { type: "impossible", reason: "InvalidInput", message };
}

function build(
  { handler, observation, plan, settings }: Situation,
  spec: unknown,
): { type: "built"; resources: AttemptResources } | Impossible {
  const { run, attempt } = observation;
  const { kind } = handler.resource;
  const { namespace, name, uid, status } = run;
  const identity = { apiVersion: apiVersion(handler.resource), kind, namespace, name, uid, spec };
  const resume = resumeOf(status, attempt.round, plan.retry.resumeSession);
  const spent = status.usage ?? noUsage;
  const request = { run: identity, attempt, timing: plan.timing, settings: settings.attempt, spent };
  try {
    return { type: "built", resources: handler.createResources({ ...request, ...(resume && { resume }) }) };
  } catch (error) {
    if (!isControllerError(error) || error.retryable) throw error;
    return { type: "impossible", reason: reasonOf(error), message: error.message };
  }
}

function firstFinding(error: z.ZodError): string {
  const [issue] = error.issues;
  return `spec.${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`;
}

function reasonOf(error: ControllerError): Reason {
  return error.kind === "SettingsError" || error.kind === "TemplateError" ? "SettingsRejected" : "InvalidInput";
}
