import { describe, expect, it } from "vitest";
import { decide } from "./decide.ts";
import type { JobHandler } from "./job-handler.ts";
import {
  aJob,
  anEndedPod,
  anObservation,
  aPod,
  aRun,
  attemptSettings,
  minutes,
  seconds,
  startOfRun,
} from "./observation-samples.ts";
import type { RunView } from "./observation.ts";
import { reviewHandler } from "./sample-handler.ts";
import type { ClaimView, WorkspaceView } from "./workspace.ts";

const spec = { question: "Is it so?", serviceName: "greeter", workspace: { size: "1Gi" } };
const now = startOfRun + 60 * seconds;
const settings = { attempt: attemptSettings, waitingNoticeAfterMs: 10 * seconds };
const longAgo = now - 30 * seconds;

function other(changes: Partial<RunView> = {}): RunView {
  return aRun({ name: "other", uid: "other-uid", spec, createdAt: startOfRun - 60 * seconds, ...changes });
}

function claim(changes: Partial<ClaimView> = {}): ClaimView {
  const identity = { namespace: "team-a", name: "workspace-greeter-x", uid: "claim-uid", resourceVersion: "3" };
  return { ...identity, deleting: false, size: "1Gi", ...changes };
}

const heldBy = (runUid: string, since = longAgo) => claim({ holder: { runUid, attempt: "a", since } });
const ofOther = { runName: "other", runUid: "other-uid" };
const retrying = { phase: "Retrying", nextAttemptAt: new Date(now + minutes).toISOString() } as const;

function decided(workspace: Partial<WorkspaceView>, run: RunView = aRun({ spec }), at = now) {
  const view = { wish: spec, runs: [], jobs: [], pods: [], ...workspace };
  return decide(reviewHandler as JobHandler, anObservation({ run, workspace: view }), settings, { now: at, random: 0 });
}

const free: [string, Partial<WorkspaceView>][] = [
  ["nobody has made it", {}],
  ["nobody holds it", { claim: claim() }],
  ["its holder is gone", { claim: heldBy("gone") }],
  ["its holder waits for its next attempt", { claim: heldBy("other-uid"), runs: [other({ status: retrying })] }],
  ["its holder is held itself", { claim: heldBy("other-uid"), runs: [other({ spec: { ...spec, suspend: true } })] }],
  ["its holder is cancelled", { claim: heldBy("other-uid"), runs: [other({ spec: { ...spec, cancel: true } })] }],
  ["its holder is being deleted", { claim: heldBy("other-uid"), runs: [other({ deleting: true })] }],
  ["its holder's time is over", { claim: heldBy("other-uid"), runs: [other({ spec: { ...spec, deadline: "1s" } })] }],
  ["the pod of another has ended", { jobs: [aJob(ofOther)], pods: [anEndedPod({}, ofOther)] }],
  ["others are younger", { runs: [other({ createdAt: startOfRun + 1 })] }],
  ["others are as old, and come later by their UID", { runs: [other({ createdAt: startOfRun, uid: "z" })] }],
  ["the run holds it already, and others are older", { claim: heldBy("run-uid"), runs: [other()] }],
];

const held: [string, Partial<WorkspaceView>, string][] = [
  ["the pod of another may write", { pods: [aPod(ofOther)] }, "other (pod docs-a-run-1-x on node-1)"],
  [
    "the pod of a run that is gone may write",
    { claim: heldBy("run-uid"), pods: [aPod({ ...ofOther, runName: "gone" })] },
    "gone (pod",
  ],
  ["the Job of another may make a pod", { jobs: [aJob(ofOther)] }, "other;"],
  ["its holder could start now", { claim: heldBy("other-uid"), runs: [other({ createdAt: now })] }, "other;"],
  ["another is older", { runs: [other()] }, "other;"],
  ["another is as old, and comes first by its UID", { runs: [other({ createdAt: startOfRun, uid: "a" })] }, "other;"],
  ["it is going away", { claim: claim({ deleting: true }) }, "is being deleted"],
];

describe("a workspace", () => {
  it.each(free)("is the run's where %s", (_, workspace) => {
    expect(decided(workspace).actions).toMatchObject([
      {
        type: "takeWorkspace",
        seen: workspace.claim,
        claim: {
          metadata: {
            namespace: "team-a",
            name: expect.stringMatching(/^workspace-greeter-[0-9a-f]{10}$/) as string,
            labels: { "app.kubernetes.io/managed-by": "orchestrator", "orchestrator.io/service": "greeter" },
            annotations: { "orchestrator.io/holder": "run-uid" },
          },
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
        },
      },
      { type: "create", object: { kind: "ConfigMap" } },
      { type: "create", object: { kind: "Job" } },
    ]);
  });

  it.each(held)("is waited for where %s", (_, workspace, who) => {
    const { actions, next } = decided(workspace);
    expect(actions).toMatchObject([
      {
        type: "patchStatus",
        status: {
          phase: "Pending",
          message: expect.stringContaining(who) as string,
          conditions: [{}, { type: "Succeeded", status: "Unknown", reason: "WorkspaceInUse" }, {}],
        },
      },
    ]);
    expect(next.type === "requeueAfter" && next.milliseconds <= minutes).toBe(true);
  });

  it.each([
    ["by a run that has no Job yet", "other-uid", [other({ spec: { ...spec, suspend: true } })]],
    ["by a run that is not seen", "new", []],
  ])("that was taken just now %s is looked at again when that has settled", (_, holder, runs) => {
    expect(decided({ claim: heldBy(holder, now - seconds), runs })).toEqual({
      actions: [],
      next: { type: "requeueAfter", milliseconds: 4 * seconds },
    });
  });

  it("is told of again when another has taken it long enough to be at work", () => {
    const taken = { claim: heldBy("other-uid", now - 6 * seconds), runs: [other()], jobs: [aJob(ofOther)] };
    expect(decided(taken).actions).toEqual([]);
    expect(decided(taken, undefined, now + 4 * seconds).actions).toMatchObject([{ type: "patchStatus" }]);
  });

  it("is told of when the wait is longer than usual, once for each that is waited for", () => {
    const young = aRun({ spec, createdAt: now - 3 * seconds });
    expect(decided({ runs: [other()] }, young)).toEqual({
      actions: [],
      next: { type: "requeueAfter", milliseconds: 7 * seconds },
    });
    const [told] = decided({ runs: [other()] }).actions;
    const status = (told?.type === "patchStatus" ? told.status : {}) as RunView["status"];
    const waiting = aRun({ spec, status });
    expect(decided({ runs: [other()] }, waiting).actions).toEqual([]);
    const third = { runName: "third", runUid: "third-uid" };
    const expected = { runs: [other({ name: "third", uid: "third-uid" })] };
    expect(decided(expected, waiting).actions).toEqual([]);
    const begun = { claim: heldBy("third-uid"), jobs: [aJob(third)] };
    const [anew] = decided(begun, waiting).actions;
    const toldAnew = (anew?.type === "patchStatus" ? anew.status : {}) as RunView["status"];
    expect(toldAnew.message).toContain("third;");
    const atWork = { ...begun, pods: [aPod(third)] };
    expect(decided(atWork, aRun({ spec, status: toldAnew })).actions).toEqual([]);
    expect(decided({}, waiting).actions).toHaveLength(3);
  });

  it("is told of after a worse wait, and no longer than it is waited for", () => {
    const told = (reason: string) => {
      const condition = { type: "Succeeded", status: "Unknown", reason, message: "", lastTransitionTime: "" } as const;
      return aRun({ spec, status: { phase: "Pending", conditions: [condition] } });
    };
    const reasonAfter = (observed: ReturnType<typeof decided>) =>
      observed.actions.map((action) => action.type === "patchStatus" && action.status.conditions?.at(1)?.reason);
    expect(reasonAfter(decided({ runs: [other()] }, told("PodNotCreated")))).toEqual(["WorkspaceInUse"]);
    const own = anObservation({ run: told("WorkspaceInUse"), job: aJob({ createdAt: longAgo }), pod: aPod() });
    const begun = decide(reviewHandler as JobHandler, own, settings, { now, random: 0 });
    expect(reasonAfter(begun)).toEqual(["PodStarting"]);
  });

  it("is asked for as the run says, and noted as taken since the first try", () => {
    const wish = {
      ...spec,
      workspace: { size: "2Gi", storageClassName: "fast", accessMode: "ReadWriteMany" as const },
    };
    const [taking] = decided({
      wish,
      claim: { ...heldBy("run-uid"), holder: { runUid: "run-uid", attempt: "docs-a-run-1", since: longAgo } },
    }).actions;
    expect(taking).toMatchObject({
      claim: {
        metadata: {
          annotations: { "orchestrator.io/held-since": new Date(longAgo).toISOString().replace(".000", "") },
        },
        spec: { accessModes: ["ReadWriteMany"], storageClassName: "fast", resources: { requests: { storage: "2Gi" } } },
      },
    });
  });

  it("does not keep a run from being cancelled, held or ended while it waits", () => {
    const cancelled = aRun({ spec: { ...spec, cancel: true } });
    expect(decided({ runs: [other()] }, cancelled).actions).toMatchObject([{}, { status: { phase: "Cancelled" } }]);
    const late = decided({ runs: [other()] }, aRun({ spec: { ...spec, deadline: "30s", timeout: "10s" } }));
    expect(late.actions).toMatchObject([{}, { roundEnded: "DeadlineExceeded" }]);
  });
});
