import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Attempt, RunStatus } from "../api/status.ts";
import { InvalidConfig } from "../errors/invalid-config.ts";
import { ResourceNotFound } from "../errors/resource-not-found.ts";
import { TemplateError } from "../errors/template-error.ts";
import { decide, decideImpossible, decideRefused } from "./decide.ts";
import type { Action } from "./decision.ts";
import type { ContainerView, Observation, PodView } from "./observation.ts";
import {
  aJob,
  anEndedPod,
  anObservation,
  aPod,
  aRun,
  exited,
  minutes,
  running,
  seconds,
  startOfRun,
  waiting,
  attemptSettings,
} from "./observation-samples.ts";
import { reviewHandler } from "./sample-handler.ts";

const handler = reviewHandler as never;
const settings = {
  attempt: attemptSettings,
  waitingNoticeAfterMs: 10 * seconds,
};
const retryConfig = { maxInfrastructureRetries: 0, maxAgentRetries: 0 };
const spec = { question: "Is it so?", timeout: "1h", pendingTimeout: "10m", deadline: "8760h", retryConfig };
const unschedulable = [
  { type: "Succeeded", status: "Unknown", reason: "Unschedulable", message: "", lastTransitionTime: "" } as const,
];
const now = startOfRun + 5 * seconds;
const working = aPod({ prepare: exited(0), agent: running(), gateway: running() });
const delivered = anEndedPod({ gateway: { delivery: { outcome: "Delivered" } } });

function observe(changes: Partial<Observation> = {}): Observation {
  return anObservation({ run: aRun({ spec }), ...changes });
}

function decided(changes: Partial<Observation>, at: number = now) {
  return decide(handler, observe(changes), settings, { now: at, random: 0.5 });
}

function writes(actions: Action[]): string[] {
  return actions.map((action) => {
    switch (action.type) {
      case "create":
        return `create ${action.object.kind}`;
      case "takeWorkspace":
        return `take ${action.claim.metadata.name}`;
      case "patchStatus":
        return `status ${String(action.status.phase)}`;
      case "recordEvent":
        return `event ${action.event.reason}`;
      case "deleteJob":
        return `delete ${action.job.name}`;
      case "stopPod":
        return `stop ${action.pod.name}`;
      case "deleteRun":
        return "delete run";
      case "updateNetworkPolicy":
        return `update ${action.policy.metadata.name}`;
    }
  });
}

describe("a normal life", () => {
  it("begins with the ConfigMap and the Job", () => {
    const { actions, next } = decided({});
    expect(writes(actions)).toEqual(["create ConfigMap", "create Job"]);
    expect(next).toEqual({ type: "requeueAfter", milliseconds: 10 * seconds });
  });

  it("says Running once, when the agent is seen started", () => {
    const { actions, next } = decided({ job: aJob(), pod: working });
    expect(writes(actions)).toEqual(["event Started", "status Running"]);
    expect(statusIn(actions)).toMatchObject({
      status: {
        startTime: "2026-01-01T00:00:00Z",
        attempts: [
          { number: 1, round: 1, jobName: "docs-a-run-1", startedAt: "2026-01-01T00:00:05Z", outcome: "Running" },
        ],
        conditions: [
          { type: "Accepted", status: "True" },
          { type: "Succeeded", status: "Unknown", reason: "Running" },
          { type: "Delivered", status: "Unknown" },
        ],
      },
    });
    expect(next).toMatchObject({ type: "requeueAfter" });
    const run = aRun({ spec, status: { phase: "Running" } });
    expect(decided({ run, job: aJob(), pod: working }).actions).toEqual([]);
  });

  it("ends with one status and one event", () => {
    const { actions, next } = decided({ job: aJob(), pod: delivered });
    expect(writes(actions)).toEqual(["event Succeeded", "status Succeeded"]);
    expect(eventOf(actions)).toMatchObject({ event: { type: "Normal", note: "Delivered." } });
    expect(next).toEqual({ type: "awaitChange" });
  });

  it("stays accepted when its Job went while no operator was there", () => {
    const attempts = [{ number: 1, round: 1, jobName: "docs-a-run-1", outcome: "Running" as const }];
    const { actions } = decided({ run: aRun({ spec, status: { phase: "Running", attempts } }) });
    expect(statusIn(actions)).toMatchObject({
      roundEnded: "JobDeleted",
      status: { conditions: [{ type: "Accepted", status: "True" }, { status: "False" }, { status: "False" }] },
    });
  });

  it("rests when it has ended, or is being deleted", () => {
    for (const phase of ["Succeeded", "Failed"] as const) {
      const run = aRun({ spec: undefined, status: { phase } });
      expect(decided({ run, job: aJob({ finishedAt: now }) })).toEqual({ actions: [], next: { type: "awaitChange" } });
      expect(decided({ run, jobSeen: true })).toEqual({ actions: [], next: { type: "awaitChange" } });
    }
    expect(decided({ run: aRun({ spec, deleting: true }) }).actions).toEqual([]);
  });
});

describe("a run that waits", () => {
  const pod = aPod({ unschedulable: "no node" });
  const late = startOfRun + 10 * seconds;

  it("is left alone until the notice is due", () => {
    expect(decided({ job: aJob(), pod })).toEqual({ actions: [], next: { type: "requeueAfter", milliseconds: 5000 } });
  });

  it("is not told to mend what only takes its time", () => {
    const { actions } = decided({ job: aJob(), pod: aPod() }, late);
    expect(statusIn(actions)).toMatchObject({
      status: { message: expect.stringMatching(/^Pod \S+ is starting on node \S+\.$/) as unknown },
    });
  });

  it("says once why it waits", () => {
    const { actions, next } = decided({ job: aJob(), pod }, late);
    expect(writes(actions)).toEqual(["status Pending"]);
    expect(statusIn(actions)).toMatchObject({
      status: {
        message: expect.stringContaining("no node") as unknown,
        conditions: [{}, { reason: "Unschedulable" }, {}],
      },
    });
    expect(next).toEqual({ type: "requeueAfter", milliseconds: 10 * minutes - 10 * seconds });
    const told = aRun({ spec, status: { phase: "Pending", conditions: unschedulable } });
    expect(decided({ run: told, job: aJob(), pod }, late).actions).toEqual([]);
  });

  it.each(["PodStarting", "Preparing"])("says what is in its way where it has said %s", (reason) => {
    const conditions = unschedulable.map((condition) => ({ ...condition, reason }));
    const told = aRun({ spec, status: { phase: "Pending", conditions } });
    const { actions } = decided({ run: told, job: aJob(), pod }, late);
    expect(actions).toMatchObject([{ status: { conditions: [{}, { reason: "Unschedulable" }, {}] } }]);
  });

  it("says anew why it waits when that has become something else", () => {
    const told = aRun({ spec, status: { phase: "Pending", conditions: unschedulable } });
    const unpullable = aPod({
      node: "node-1",
      prepare: { type: "waiting", reason: "ImagePullBackOff", message: "no" },
    });
    const { actions } = decided({ run: told, job: aJob(), pod: unpullable }, late);
    expect(actions).toMatchObject([{ status: { conditions: [{}, { reason: "ImagePullFailed" }, {}] } }]);
  });

  it("ends when pendingTimeout is over, and its Job is stopped", () => {
    const { actions } = decided({ job: aJob(), pod }, startOfRun + 10 * minutes);
    expect(writes(actions)).toEqual(["event Failed", "status Failed", "delete docs-a-run-1"]);
    expect(statusIn(actions)).toMatchObject({ roundEnded: "Unschedulable" });
  });

  it("never waits longer than a timer can", () => {
    const far = aRun({
      spec: { ...spec, pendingTimeout: "720h" },
      status: { phase: "Pending", conditions: unschedulable },
    });
    const { next } = decided({ run: far, job: aJob(), pod });
    expect(next).toEqual({ type: "requeueAfter", milliseconds: 24 * 24 * 60 * minutes });
  });
});

describe("a run that cannot be carried out", () => {
  it("as it is written ends as InvalidInput, naming the field", () => {
    const { actions } = decided({ run: aRun({ spec: { question: 7 } }) });
    expect(writes(actions)).toEqual(["event Failed", "status Failed"]);
    expect(statusIn(actions)).toMatchObject({
      roundEnded: "InvalidInput",
      status: {
        message: expect.stringMatching(/^ReviewRun a-run cannot be carried out: spec\.question /) as unknown,
        conditions: [{ type: "Accepted", status: "False" }, { status: "False" }, { status: "False" }],
      },
    });
    expect(statusIn(actions)).not.toHaveProperty("status.attempts");
  });

  it.each([
    ["InvalidInput", InvalidConfig.field({ object: "ReviewRun a-run", field: "spec.x", cure: "must be y" })],
    ["SettingsRejected", TemplateError.missingValue("prep.sh.hbs", "runner")],
  ])("ends as %s when its resources cannot be built", (reason, error) => {
    const broken = {
      ...reviewHandler,
      createResources: () => {
        throw error;
      },
    };
    const { actions } = decide(broken as never, observe(), settings, { now, random: 0.5 });
    expect(statusIn(actions)).toMatchObject({
      roundEnded: reason,
      status: { message: expect.stringContaining(error.message) as unknown },
    });
  });

  it("for a reason that may pass, or that nobody knows, is not ended", () => {
    for (const error of [ResourceNotFound.of("Secret", "x"), new RangeError("a mistake of ours")]) {
      const broken = {
        ...reviewHandler,
        createResources: () => {
          throw error;
        },
      };
      expect(() => decide(broken as never, observe(), settings, { now, random: 0.5 })).toThrow(error);
    }
  });

  it("under a taken name ends with what is in its way", () => {
    const { actions } = decideImpossible(
      handler,
      observe(),
      { reason: "NameConflict", message: "Job x exists" },
      settings,
      { now, random: 0.5 },
    );
    expect(statusIn(actions)).toMatchObject({
      roundEnded: "NameConflict",
      status: { message: expect.stringContaining("Job x exists") as unknown },
    });
  });
});

describe("a run whose objects are refused", () => {
  const refusal = { object: "Job x", message: "exceeded quota: jobs", shared: false, rule: true };
  const refused = (at: number) => decideRefused(handler, observe(), refusal, settings, { now: at, random: 0.5 });

  it("is tried again, and says why it waits", () => {
    expect(refused(now)).toEqual({ actions: [], next: { type: "requeueAfter", milliseconds: 15 * seconds } });
    const { actions, next } = refused(startOfRun + 10 * minutes - seconds);
    expect(statusIn(actions)).toMatchObject({
      status: { phase: "Pending", message: expect.stringContaining("exceeded quota") as unknown },
    });
    expect(next).toEqual({ type: "requeueAfter", milliseconds: seconds });
  });

  it.each([
    ["tells anew which rule it is", { rule: true }, "exceeded quota: others, used: jobs=1", ["status Pending"]],
    ["does not tell again what a quota counts", { rule: true }, "exceeded quota: jobs, used: jobs=2", []],
    ["does not tell each word of a server that is unwell", { rule: false }, "connection 10.1.2.3:40001 reset", []],
  ])("%s", (_, kind, message, told) => {
    const at = { now: startOfRun + minutes, random: 0.5 };
    const first = { ...refusal, message: "exceeded quota: jobs, used: jobs=1" };
    const status = statusOf(decideRefused(handler, observe(), first, settings, at).actions);
    const later = observe({ run: aRun({ spec, status }) });
    const { actions } = decideRefused(handler, later, { ...refusal, ...kind, message }, settings, at);
    expect(writes(actions)).toEqual(told);
  });

  it("says that the round's deadline comes first, where it does", () => {
    const run = aRun({ spec: { ...spec, timeout: "1m", deadline: "5m" } });
    const { actions } = decideRefused(handler, observe({ run }), refusal, settings, {
      now: startOfRun + minutes,
      random: 0.5,
    });
    expect(statusIn(actions)).toMatchObject({
      status: {
        message: expect.stringContaining("until 2026-01-01T00:05:00Z (spec.deadline) at the longest") as unknown,
      },
    });
  });

  it("makes another attempt after pendingTimeout, where one is left", () => {
    const run = aRun({ spec: { ...spec, retryConfig: { maxInfrastructureRetries: 1 } } });
    const at = { now: startOfRun + 10 * minutes, random: 0.5 };
    const { actions } = decideRefused(handler, observe({ run }), refusal, settings, at);
    expect(writes(actions)).toEqual(["event Retrying", "status Retrying"]);
    expect(statusIn(actions)).toMatchObject({ status: { attempts: [{ number: 1, reason: "PodNotCreated" }] } });
  });

  it("ends as PodNotCreated when pendingTimeout is over", () => {
    expect(statusIn(refused(startOfRun + 10 * minutes).actions)).toMatchObject({ roundEnded: "PodNotCreated" });
  });
});

const rest = { type: "awaitChange" };
const after = (milliseconds: number) => ({ type: "requeueAfter", milliseconds });
const noWord = { reason: "NoResult", message: "no word" } as const;
const failing = anEndedPod({ gateway: {}, agent: { verdict: noWord }, exitCode: 1 });
const inRound = (status: Partial<RunStatus>, changes: Record<string, unknown> = {}) =>
  aRun({ spec: { ...spec, ...changes }, status: { phase: "Pending", round: 1, ...status } });
const past = (...reasons: string[]): Attempt[] =>
  reasons.map((reason, index) => ({
    number: index + 1,
    round: 1,
    jobName: "old",
    outcome: "Failed",
    reason,
    message: "it was so.",
  }));
const next2 = { number: 2, round: 1, name: "docs-a-run-2" };

describe("an attempt that another follows", () => {
  const again = { retryConfig: { maxAgentRetries: 1 } };

  it("is told in one status and one event, which say when the next one comes", () => {
    const { actions, next } = decided({ run: inRound({}, again), job: aJob(), pod: failing });
    expect(writes(actions)).toEqual(["event Retrying", "status Retrying"]);
    const message = "NoResult: no word. Attempt 2 starts at 2026-01-01T00:00:13Z (agent retry 1 of 1).";
    expect(statusIn(actions)).toMatchObject({
      attemptEnded: "NoResult",
      status: {
        message,
        retries: { infrastructure: 0, agent: 1 },
        nextAttemptAt: "2026-01-01T00:00:13Z",
        attempts: [{ number: 1, round: 1, outcome: "Failed", reason: "NoResult", message: "No word." }],
        conditions: [{ status: "True" }, { status: "Unknown", reason: "Retrying" }, { status: "Unknown" }],
      },
    });
    expect(statusIn(actions)).not.toHaveProperty("roundEnded");
    expect(eventOf(actions)).toMatchObject({ event: { type: "Warning", note: message } });
    expect(next).toEqual(after(8 * seconds));
  });

  it("is said to have cost what nobody knows where its agent had begun and its gateway told nothing", () => {
    const unknown = "what the attempt has cost since it last handed in its work is not known, and not counted";
    const message = (pod: PodView): unknown => {
      const { actions } = decided({ run: inRound({}, again), job: aJob(), pod });
      const [patch] = actions.flatMap((action) => (action.type === "patchStatus" ? [action.status.message] : []));
      return patch;
    };
    expect(message(anEndedPod({ agent: { verdict: noWord }, exitCode: 1 }))).toContain(unknown);
    expect(message(failing)).not.toContain(unknown);
  });

  it("has its Job stopped where that may still run a pod", () => {
    const { actions } = decided({ run: inRound({}, { pendingTimeout: "1s", retryConfig: {} }), job: aJob() });
    expect(writes(actions)).toEqual(["event Retrying", "status Retrying", "delete docs-a-run-1"]);
  });

  it("is counted by the ten newest alone", () => {
    const reasons = Array.from({ length: 10 }, () => "NodeLost");
    const run = inRound({ attempts: past(...reasons) });
    const attempt = { number: 11, round: 1, name: "docs-a-run-1" };
    const { actions } = decided({ run, attempt, job: aJob(), pod: delivered });
    const { attempts } = (statusIn(actions) as { status: RunStatus }).status;
    expect(attempts?.map(({ number }) => number)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });
});

describe("a run between two attempts", () => {
  const waiting = (changes: Record<string, unknown> = {}) =>
    inRound({ phase: "Retrying", nextAttemptAt: "2026-01-01T00:01:00Z", attempts: past("NodeLost") }, changes);
  const due = startOfRun + minutes;
  const oldJob = aJob({ name: "old", uid: "old-uid" });
  const oldPod = aPod({ name: "old-x", jobName: "old" });

  it("waits until the next one is due, and makes it then", () => {
    expect(decided({ run: waiting(), attempt: next2 })).toEqual({ actions: [], next: after(55 * seconds) });
    const { actions } = decided({ run: waiting(), attempt: next2 }, due);
    expect(writes(actions)).toEqual(["create ConfigMap", "create Job"]);
    expect(actions[1]).toMatchObject({ object: { metadata: { name: "docs-a-run-2" } } });
  });

  it("stops a live Job of an older one when it is seen, and makes no other beside it", () => {
    const others = { jobs: [oldJob], pods: [] };
    const { actions, next } = decided({ run: waiting(), attempt: next2, others }, due);
    expect(actions).toEqual([{ type: "deleteJob", job: oldJob, why: "its attempt has ended" }]);
    expect(next).toEqual(after(5 * seconds));
    const later = decided({ run: waiting(), attempt: next2, job: aJob(), pod: working, others }, due);
    expect(writes(later.actions)).toContain("delete old");
  });

  it("waits for an old pod that may still run, and says so once", () => {
    const others = { jobs: [], pods: [oldPod] };
    expect(decided({ run: waiting(), attempt: next2, others }, due)).toEqual({
      actions: [],
      next: after(10 * seconds),
    });
    const told = decided({ run: waiting(), attempt: next2, others }, due + 10 * seconds);
    expect(writes(told.actions)).toEqual(["status Pending"]);
    expect(statusIn(told.actions)).toMatchObject({
      status: {
        message: expect.stringMatching(/^Pod old-x on node node-1 of an earlier attempt may still run/) as unknown,
      },
    });
    const run = inRound({ ...statusOf(told.actions), nextAttemptAt: "2026-01-01T00:01:00Z" });
    expect(decided({ run, attempt: next2, others }, due + minutes).actions).toEqual([]);
    const gone = { jobs: [], pods: [{ ...oldPod, ended: true }] };
    expect(writes(decided({ run, attempt: next2, others: gone }, due + minutes).actions)).toContain("create Job");
  });

  it("gives way to a round that is asked for, and ends as its last attempt did", () => {
    const { actions, next } = decided({ run: waiting({ contextVersion: 2 }), attempt: next2 });
    expect(writes(actions)).toEqual(["event Failed", "status Failed"]);
    expect(statusIn(actions)).toMatchObject({
      roundEnded: "NodeLost",
      status: { round: 1, message: expect.stringContaining("It was so. Round 2 takes its place.") as unknown },
    });
    expect(next).toEqual(after(1));
  });
});

describe("a run that is held", () => {
  it("says so once, and makes no Job", () => {
    const { actions, next } = decided({ run: aRun({ spec: { ...spec, suspend: true } }) });
    expect(writes(actions)).toEqual(["event Suspended", "status Suspended"]);
    expect(statusIn(actions)).toMatchObject({ status: { startTime: "2026-01-01T00:00:00Z" } });
    expect(next).toMatchObject({ type: "requeueAfter" });
    const run = inRound({ phase: "Suspended" }, { suspend: true, deadline: "1h" });
    expect(decided({ run })).toEqual({ actions: [], next: after(60 * minutes - 5 * seconds) });
  });

  it("keeps its attempt under way", () => {
    const run = inRound({ phase: "Running" }, { suspend: true });
    expect(decided({ run, job: aJob(), pod: working }).actions).toEqual([]);
  });

  it("goes on when it is let go, at once or when the next attempt is due", () => {
    const { actions, next } = decided({ run: inRound({ phase: "Suspended" }) });
    expect(writes(actions)).toEqual(["event Resumed", "status Pending"]);
    expect(next).toEqual(after(1));
    const early = inRound({ phase: "Suspended", nextAttemptAt: "2026-01-01T00:01:00Z" });
    expect(writes(decided({ run: early }).actions)).toEqual(["event Resumed", "status Retrying"]);
    expect(decided({ run: early }).next).toEqual(after(55 * seconds));
  });
});

describe("a run that is cancelled", () => {
  const cancelled = (changes: Partial<Observation>) =>
    decided({ run: inRound({ attempts: past("NodeLost") }, { cancel: true }), attempt: next2, ...changes });

  it("ends at once where no attempt is under way", () => {
    const { actions, next } = cancelled({});
    expect(writes(actions)).toEqual(["event Cancelled", "status Cancelled"]);
    expect(eventOf(actions)).toMatchObject({
      event: { type: "Normal", note: expect.stringMatching(/^Cancelled: /) as unknown },
    });
    expect(statusIn(actions)).not.toHaveProperty("status.attempts");
    expect(next).toEqual(rest);
  });

  it.each([
    ["has no pod", {}],
    ["has a pod that no node has", { pod: aPod({ unschedulable: "full", node: undefined as never }) }],
  ])("ends with its Job where that %s", (_, changes) => {
    const { actions } = cancelled({ job: aJob(), ...changes });
    expect(writes(actions)).toEqual(["event Cancelled", "status Cancelled", "delete docs-a-run-1"]);
    expect(statusIn(actions)).toMatchObject({
      status: { attempts: [{ number: 1 }, { number: 2, reason: "Cancelled" }] },
    });
  });

  it.each([
    ["works", working],
    ["starts", aPod({ gateway: waiting("ContainerCreating") })],
  ])("has its pod told to end once where that %s, and waits for its report", (_, pod) => {
    const { actions, next } = cancelled({ job: aJob(), pod });
    expect(actions).toEqual([{ type: "stopPod", pod, why: "The run was cancelled by spec.cancel" }]);
    expect(next).toMatchObject({ type: "requeueAfter" });
    expect(cancelled({ job: aJob(), pod: { ...pod, stopAsked: true } }).actions).toEqual([]);
  });

  it("ends as Cancelled however its pod ended, but for complete delivery", () => {
    const told = { reason: "DeadlineExceeded", stopAsked: true };
    for (const pod of [failing, { ...failing, ...told }, anEndedPod({}, { reason: "Evicted" })]) {
      expect(statusIn(cancelled({ job: aJob(), pod }).actions)).toMatchObject({
        roundEnded: "Cancelled",
        attemptEnded: "Cancelled",
      });
    }
    expect(statusIn(cancelled({ job: aJob(), pod: { ...delivered, ...told } }).actions)).toMatchObject({
      roundEnded: "Delivered",
    });
  });

  it("says so also when a newer round has taken the cancel back", () => {
    const pod = { ...failing, reason: "DeadlineExceeded", stopAsked: true };
    const { actions } = decided({ run: inRound({}, { contextVersion: 2 }), job: aJob(), pod });
    expect(statusIn(actions)).toMatchObject({ roundEnded: "Cancelled" });
  });

  it("ends with its Job where the pod is gone and the Job does not end", () => {
    const attempts = [{ number: 1, round: 1, jobName: "docs-a-run-1", outcome: "Running" as const }];
    const run = inRound({ phase: "Running", attempts }, { cancel: true });
    const decision = decided({ run, job: aJob() });
    expect(writes(decision.actions)).toEqual(["event Cancelled", "status Cancelled", "delete docs-a-run-1"]);
    expect(decision.lookAt).toEqual(["run-uid"]);
    // The Job has ended: its pod's end is on its way.
    expect(decided({ run, job: aJob({ finishedAt: now }) }).actions).toEqual([]);
  });
});

describe("the deadline of a first round", () => {
  it("counts from the run's creation, however late its Job is made", () => {
    const late = startOfRun + 23 * 60 * minutes;
    const job = aJob({ createdAt: late });
    const run = aRun({ spec: { ...spec, deadline: "24h" } });
    const { actions } = decided({ run, job, pod: working }, late);
    expect(statusIn(actions)).toMatchObject({ status: { startTime: "2026-01-01T00:00:00Z" } });
  });

  it("is named when the clock was set back after the pod had been told to end", () => {
    const pod = { ...failing, reason: "DeadlineExceeded", stopAsked: true };
    const { actions } = decided({ run: inRound({}, { deadline: "1h" }), job: aJob(), pod });
    expect(statusIn(actions)).toMatchObject({ roundEnded: "DeadlineExceeded" });
  });
});

describe("a round whose deadline is over", () => {
  const late = startOfRun + 60 * minutes;
  const over = (changes: Partial<Observation>, more = {}) =>
    decided({ run: inRound(more, { deadline: "1h" }), ...changes }, late);

  it("ends at once where no attempt is under way, held or not", () => {
    expect(writes(over({}).actions)).toEqual(["event Failed", "status Failed"]);
    expect(statusIn(over({}, { phase: "Suspended" }).actions)).toMatchObject({ roundEnded: "DeadlineExceeded" });
  });

  it("has its pod told to end, and ends by that name", () => {
    expect(writes(over({ job: aJob(), pod: working }).actions)).toEqual([`stop ${working.name}`]);
    const pod = { ...failing, reason: "DeadlineExceeded", stopAsked: true };
    expect(statusIn(over({ job: aJob(), pod }).actions)).toMatchObject({
      roundEnded: "DeadlineExceeded",
      status: {
        attempts: [{ reason: "DeadlineExceeded" }],
        message: expect.stringContaining("spec.deadline") as unknown,
      },
    });
  });

  it("ends by that name, too, where its pod went with its Job", () => {
    const run = inRound({}, { deadline: "1h" });
    const pod = { ...failing, deletion: { requestedAt: startOfRun, dueAt: startOfRun } };
    const { actions } = decided({ run, pod, jobSeen: true }, late);
    expect(statusIn(actions)).toMatchObject({ roundEnded: "DeadlineExceeded", attemptEnded: "DeadlineExceeded" });
  });

  it("counts from the start of the round", () => {
    expect(over({}, { startTime: "2026-01-01T00:30:00Z" }).actions[0]).toMatchObject({ type: "create" });
  });

  it("ends so, where another attempt would have followed", () => {
    const run = inRound({}, { deadline: "1h", retryConfig: { maxAgentRetries: 1 } });
    expect(statusIn(decided({ run, job: aJob(), pod: failing }, late).actions)).toMatchObject({
      roundEnded: "DeadlineExceeded",
      attemptEnded: "NoResult",
      status: { attempts: [{ reason: "NoResult" }], conditions: [{}, { reason: "DeadlineExceeded" }, {}] },
    });
  });
});

describe("a run that has ended", () => {
  const completionTime = "2026-01-01T00:00:00Z";
  const usage = {
    inputTokens: 1,
    outputTokens: 1,
    cacheReadTokens: 0,
    cacheCreationTokens: 0,
    turns: 1,
    costUsd: "0.05",
  };
  const ended = (phase: RunStatus["phase"], changes: Record<string, unknown>) =>
    decided({ run: inRound({ phase, completionTime, attempts: past("NodeLost"), usage }, changes), attempt: next2 });

  it.each([
    ["Succeeded", { succeeded: "10s" }, after(5 * seconds)],
    ["Succeeded", { failed: "10s" }, rest],
    ["Failed", { failed: "10s" }, after(5 * seconds)],
    ["Cancelled", { failed: "10s" }, after(5 * seconds)],
    ["Failed", { succeeded: "10s" }, rest],
    ["Failed", {}, rest],
  ] as const)("as %s is kept as %j says", (phase, retention, next) => {
    expect(ended(phase, { retention })).toEqual({ actions: [], next });
  });

  it("is deleted when its time is over", () => {
    const { actions, next } = ended("Cancelled", { retention: { failed: "5s" } });
    expect(actions).toEqual([{ type: "deleteRun", why: "the time of spec.retention is over" }]);
    expect(next).toEqual(rest);
  });

  it("looks again after its last write, where something is due", () => {
    const retention = { retention: { succeeded: "5s" } };
    expect(decided({ run: inRound({}, retention), job: aJob(), pod: delivered }).next).toEqual(after(1));
  });

  it("begins the round that is asked for, and counts anew", () => {
    const { actions, next } = ended("Failed", { contextVersion: 3, retention: { failed: "1s" } });
    expect(writes(actions)).toEqual(["event RoundStarted", "status Pending"]);
    expect(statusIn(actions)).toMatchObject({
      status: {
        round: 3,
        startTime: "2026-01-01T00:00:05Z",
        completionTime: null,
        usage: null,
        retries: null,
        nextAttemptAt: null,
        conditions: [{ status: "True" }, { status: "Unknown" }, { status: "Unknown" }],
      },
    });
    expect(next).toEqual(after(1));
    expect(ended("Cancelled", { contextVersion: 3, cancel: true })).toEqual({ actions: [], next: rest });
  });

  it("has every live Job stopped", () => {
    const others = { jobs: [aJob({ name: "old" })], pods: [] };
    const { actions } = decided({ run: inRound({ phase: "Failed" }), others });
    expect(actions).toMatchObject([{ type: "deleteJob", why: "its run has ended" }]);
  });
});

function statusOf(actions: Action[]): RunStatus {
  const write = actions.find((action) => action.type === "patchStatus");
  return (write?.status ?? {}) as RunStatus;
}

const containerView: fc.Arbitrary<ContainerView> = fc.oneof(
  fc.constant<ContainerView>({ type: "absent" }),
  fc
    .constantFrom("ContainerCreating", "ErrImagePull", "CreateContainerConfigError", "CrashLoopBackOff")
    .map((reason) => waiting(reason)),
  fc.constant(running()),
  fc
    .tuple(fc.constantFrom(0, 1, 127, 137), fc.constantFrom("Completed", "Error", "OOMKilled"))
    .map(([code, reason]) => exited(code, { reason })),
);
const time = fc.integer({ min: 0, max: 26 * 60 * 60 }).map((after) => startOfRun + after * seconds);
const pods = fc
  .record(
    {
      ended: fc.boolean(),
      reason: fc.constantFrom("", "Evicted", "DeadlineExceeded"),
      gateway: containerView,
      prepare: containerView,
      agent: containerView,
      unschedulable: fc.constant("full"),
      disruption: fc.constant({ reason: "DeletionByTaintManager", message: "" }),
      deletion: time.map((dueAt) => ({ requestedAt: dueAt - 90 * seconds, dueAt })),
    },
    { requiredKeys: ["ended", "reason", "gateway", "prepare", "agent"] },
  )
  .map((changes) => aPod(changes));
const jobs = fc
  .record({ deleting: fc.boolean(), finishedAt: time }, { requiredKeys: ["deleting"] })
  .map((changes) => aJob(changes));
const statuses = fc.constantFrom<Observation["run"]["status"]>(
  { phase: "Pending" },
  { phase: "Pending", conditions: unschedulable },
  {
    phase: "Running",
    conditions: [],
    attempts: [{ number: 1, round: 1, jobName: "docs-a-run-1", outcome: "Running" }],
  },
  { phase: "Succeeded", conditions: [] },
  { phase: "Failed", conditions: [] },
);
const observations = fc
  .record(
    {
      status: statuses,
      deleting: fc.boolean(),
      job: fc.option(jobs, { nil: undefined }),
      pod: fc.option(pods, { nil: undefined }),
      jobSeen: fc.boolean(),
    },
    { requiredKeys: ["status", "deleting", "jobSeen"] },
  )
  .map(({ status, deleting, job, pod, jobSeen }) =>
    observe({
      run: aRun({ spec, status, deleting }),
      jobSeen: jobSeen || job !== undefined,
      ...(job && { job }),
      ...(pod && { pod }),
    }),
  );

interface Case {
  observation: Observation;
  actions: Action[];
  next: { type: string };
}

/** An observation and a time for which `holds` does not, if one can be found. */
function counterexample(holds: (found: Case) => boolean): unknown {
  const property = fc.property(observations, time, (observation, at) => {
    const { actions, next } = decide(handler, observation, settings, { now: at, random: 0.5 });
    return holds({ observation, actions, next });
  });
  return fc.check(property, { numRuns: 2000 }).counterexample;
}

function isOver({ run }: Observation): boolean {
  return run.status.phase === "Succeeded" || run.status.phase === "Failed";
}

function lastStatus(actions: Action[]) {
  return actions.find((action) => action.type === "patchStatus" && action.roundEnded !== undefined) as
    | Extract<Action, { type: "patchStatus" }>
    | undefined;
}

describe("whatever is observed, at any time", () => {
  it("a Job is made only where there is no sign of one", () => {
    const nothing = ({ job, pod, jobSeen, run }: Observation) =>
      job === undefined && pod === undefined && !jobSeen && run.status.attempts === undefined && !run.deleting;
    const holds = ({ observation, actions }: Case) => !writes(actions).includes("create Job") || nothing(observation);
    expect(counterexample(holds)).toBeNull();
  });

  it("a run that has ended stays as it is, and only its live Job is stopped", () => {
    const holds = ({ observation, actions }: Case) =>
      !isOver(observation) || actions.every((action) => action.type === "deleteJob" && action.job === observation.job);
    expect(counterexample(holds)).toBeNull();
  });

  it("a run that is being deleted is left alone", () => {
    const holds = ({ observation, actions }: Case) => !observation.run.deleting || actions.length === 0;
    expect(counterexample(holds)).toBeNull();
  });

  it("a run that has not ended is looked at again", () => {
    const holds = ({ observation, actions, next }: Case) =>
      isOver(observation) ||
      observation.run.deleting ||
      lastStatus(actions) !== undefined ||
      next.type === "requeueAfter";
    expect(counterexample(holds)).toBeNull();
  });

  it("at most one status is written, and an event only with it", () => {
    const holds = ({ actions }: Case) => {
      const statuses = actions.filter((action) => action.type === "patchStatus").length;
      const events = actions.filter((action) => action.type === "recordEvent").length;
      return statuses <= 1 && events <= statuses;
    };
    expect(counterexample(holds)).toBeNull();
  });

  it("conditions, attempt and event of an ending agree on its reason", () => {
    const holds = ({ actions }: Case) => {
      const end = lastStatus(actions);
      return end === undefined || agree(end, eventOf(actions));
    };
    expect(counterexample(holds)).toBeNull();
  });
});

function agree(end: Extract<Action, { type: "patchStatus" }>, event: Action | undefined): boolean {
  const { conditions, attempts, phase } = end.status;
  const succeeded = conditions?.find(({ type }) => type === "Succeeded");
  return (
    succeeded?.reason === end.roundEnded &&
    succeeded?.status === (phase === "Succeeded" ? "True" : "False") &&
    (attempts === undefined || attempts?.[0]?.reason === end.roundEnded) &&
    noteOf(event).startsWith(`${end.roundEnded}: `)
  );
}

function noteOf(action: Action | undefined): string {
  return action?.type === "recordEvent" ? action.event.note : "";
}

function eventOf(actions: readonly Action[]): Action | undefined {
  return actions.find((action) => action.type === "recordEvent");
}

function statusIn(actions: readonly Action[]): Action | undefined {
  return actions.find((action) => action.type === "patchStatus");
}
