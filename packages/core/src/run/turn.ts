import { attemptDue } from "./attempt-due.ts";
import { settleMs } from "./check-attempt.ts";
import type { Situation } from "./decision.ts";
import { liveAmong } from "./job-handler.ts";
import type { RunView } from "./observation.ts";
import { deadlineOf } from "./run-plan.ts";
import type { ClaimView, WorkspaceView } from "./workspace.ts";

/** Whether a run may start an attempt in its workspace now; `message` says whom it waits for, until `until` at most. */
export type Turn =
  | { type: "ours" }
  /** `expected`: whom it names is next, and has not begun. */
  | { type: "wait"; message: string; until: number; expected?: true };

/** Backstop behind the changes that wake a waiting run. */
const lookMs = 60_000;

/**
 * Runs that share a workspace take turns, the oldest first. Nobody starts while another's Job or pod may still write there; a
 * holder that could start its next attempt now keeps its turn.
 */
export function turnOf(situation: Situation, workspace: WorkspaceView): Turn {
  const { observation, now } = situation;
  const { claim, runs } = workspace;
  if (claim?.deleting === true) return wait(situation, goingAway(claim));
  const user = userOf(workspace);
  if (user !== undefined) return wait(situation, inUse(situation, workspace, user));
  const holder = claim?.holder;
  if (holder?.runUid === observation.run.uid) return { type: "ours" };
  if (holder !== undefined && holder.since + settleMs > now) {
    const who = runs.find(({ uid }) => uid === holder.runUid)?.name ?? "that is gone";
    return wait(situation, inUse(situation, workspace, who), holder.since + settleMs);
  }
  const first = nextOf(situation, workspace);
  if (first === observation.run) return { type: "ours" };
  return { ...wait(situation, inUse(situation, workspace, first.name)), expected: true };
}

/** The holder where it could start now, else the oldest of those that could. */
function nextOf({ observation, now }: Situation, { claim, runs }: WorkspaceView): RunView {
  const { run } = observation;
  const ready = runs.filter((other) => couldStart(other, now));
  const holder = ready.find(({ uid }) => uid === claim?.holder?.runUid);
  return holder ?? ready.reduce((first, other) => (isOlder(other, first) ? other : first), run);
}

/** Who may write in the workspace just now. */
function userOf({ jobs, pods }: WorkspaceView): string | undefined {
  const pod = pods.find(({ ended }) => !ended);
  if (pod !== undefined) return `${pod.runName} (pod ${pod.name}${pod.node === undefined ? "" : ` on ${pod.node}`})`;
  return liveAmong(jobs, pods)[0]?.runName;
}

function goingAway({ name }: ClaimView): string {
  return `PersistentVolumeClaim ${name} is being deleted, which takes until every pod that names it is gone, those of ended runs included`;
}

function inUse({ handler }: Situation, { wish }: WorkspaceView, who: string): string {
  return `The workspace of service ${wish.serviceName} is in use by ${handler.resource.kind} ${who}; runs of a service take turns`;
}

function wait({ now }: Situation, message: string, until = now + lookMs): Extract<Turn, { type: "wait" }> {
  return { type: "wait", message, until };
}

/** Nothing but its turn keeps the run from starting its next attempt. */
function couldStart(run: RunView, now: number): boolean {
  const { plan } = run;
  if (run.deleting || plan.suspend || plan.cancel) return false;
  return attemptDue(run) <= now && now < deadlineOf(run, plan);
}

function isOlder(a: RunView, b: RunView): boolean {
  return a.createdAt === b.createdAt ? a.uid < b.uid : a.createdAt < b.createdAt;
}
