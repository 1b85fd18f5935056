import { describe, expect, it } from "vitest";
import { checkAttempt, settleMs } from "./check-attempt.ts";
import type { Observation } from "./observation.ts";
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
} from "./observation-samples.ts";

const timing = { pendingTimeoutMs: 10 * minutes, timeoutMs: 60 * minutes, stallTimeoutMs: 15 * minutes };
const now = startOfRun + 20 * seconds;
const started = aRun({
  status: { phase: "Running", attempts: [{ number: 1, round: 1, jobName: "j", outcome: "Running" }] },
});
const working = { prepare: exited(0), agent: running() };
const { node: _, ...nowhere } = aPod();
const leaving = (dueAt: number) => ({ deletion: { requestedAt: dueAt - 90 * seconds, dueAt } });

function check(observation: Partial<Observation>, at: number = now) {
  return checkAttempt(anObservation(observation), timing, at);
}

function endOf(observation: Partial<Observation>, at?: number): string {
  const state = check(observation, at);
  return state.type === "ended" ? state.ending.reason : state.type;
}

describe("where an attempt stands", () => {
  it("is not started without any trace of a Job", () => {
    expect(check({})).toEqual({ type: "notStarted" });
  });

  it("waits until the agent starts, at most for pendingTimeout from the Job's creation", () => {
    const pod = aPod({ createdAt: startOfRun + minutes, gateway: waiting("ErrImagePull") });
    const until = startOfRun + 10 * minutes;
    expect(check({ job: aJob(), pod })).toMatchObject({ type: "waiting", since: startOfRun, until });
    expect(endOf({ job: aJob(), pod }, until - 1)).toBe("waiting");
    expect(endOf({ job: aJob(), pod }, until)).toBe("ImagePullFailed");
    expect(endOf({ job: aJob() }, until)).toBe("PodNotCreated");
    expect(endOf({ job: aJob(), pod: aPod({ unschedulable: "full" }) }, until)).toBe("Unschedulable");
    expect(endOf({ job: aJob(), pod: aPod({ prepare: running() }) }, until)).toBe("RepositoryUnreachable");
  });

  it("says that pendingTimeout is over, and what the wait was for", () => {
    const state = check({ job: aJob(), pod: aPod({ unschedulable: "no room" }) }, startOfRun + 10 * minutes);
    expect(state).toMatchObject({
      ending: { message: expect.stringMatching(/spec\.pendingTimeout.*no room/) as unknown },
    });
  });

  it("counts the wait of a pod whose Job is gone from the pod's creation", () => {
    const pod = aPod({ createdAt: startOfRun + minutes });
    expect(check({ pod })).toMatchObject({ type: "waiting", since: startOfRun + minutes });
  });

  it("does not wait for what cannot come", () => {
    expect(endOf({ job: aJob(), pod: aPod({ agent: waiting("InvalidImageName") }) })).toBe("ImagePullFailed");
  });

  it("is running from the agent's start until its pod has ended", () => {
    const startedAt = startOfRun + 5 * seconds;
    expect(check({ job: aJob(), pod: aPod(working) })).toMatchObject({ type: "running", startedAt });
    expect(check({ job: aJob(), pod: aPod({ ...working, agent: exited(0) }) })).toMatchObject({ type: "running" });
    expect(check({ job: aJob({ finishedAt: now }), pod: aPod(working) })).toMatchObject({ type: "running" });
    expect(check({ pod: aPod({ ...working, unschedulable: "old news" }) })).toMatchObject({ type: "running" });
  });

  it("is NodeLost when nobody ends a pod that outlived every limit", () => {
    const limits = 2 * timing.pendingTimeoutMs + timing.timeoutMs + 5 * minutes + 90 * seconds;
    const end = startOfRun + limits + settleMs;
    expect(check({ job: aJob(), pod: aPod(working) }, end - 1)).toMatchObject({ type: "running", until: end });
    expect(endOf({ job: aJob(), pod: aPod(working) }, end)).toBe("NodeLost");
  });

  it("is read from the pod that has ended", () => {
    const pod = anEndedPod({ gateway: { delivery: { outcome: "Delivered" } } });
    expect(endOf({ job: aJob(), pod })).toBe("Delivered");
    expect(endOf({ pod, jobSeen: true })).toBe("Delivered");
  });
});

describe("a pod on its way out", () => {
  it("is given until it is due, and a little longer, to report", () => {
    const pod = aPod({ ...working, ...leaving(now) });
    expect(check({ job: aJob(), pod })).toEqual({ type: "settling", until: now + settleMs });
  });

  it("that never reports was lost with its node", () => {
    const pod = aPod({ ...working, ...leaving(now) });
    const state = check({ job: aJob(), pod }, now + settleMs);
    expect(state).toMatchObject({ ending: { reason: "NodeLost", startedAt: startOfRun + 5 * seconds } });
  });

  it("that never had a node was just deleted", () => {
    expect(endOf({ job: aJob(), pod: { ...nowhere, ...leaving(now) } }, now + settleMs)).toBe("PodDeleted");
  });
});

describe("a Job that is gone", () => {
  it("while the run waits or works ends it as JobDeleted", () => {
    expect(endOf({ jobSeen: true })).toBe("JobDeleted");
    expect(endOf({ run: started })).toBe("JobDeleted");
    expect(endOf({ job: aJob({ deleting: true }) })).toBe("JobDeleted");
  });

  it("leaves the word to its pod as long as that lives", () => {
    expect(endOf({ jobSeen: true, pod: aPod(working) })).toBe("running");
    expect(endOf({ job: aJob({ deleting: true }), pod: aPod({ ...working, ...leaving(now) }) })).toBe("settling");
  });

  it("is the cause of its pod's end", () => {
    const pod = anEndedPod({ exitCode: 143 }, leaving(startOfRun + 100 * seconds));
    expect(endOf({ job: aJob({ deleting: true }), pod })).toBe("JobDeleted");
  });
});

describe("a pod that is gone", () => {
  it("when its Job has ended ends the run as PodDeleted, once the watches have had time to agree", () => {
    const job = aJob({ finishedAt: now });
    expect(check({ job })).toEqual({ type: "settling", until: now + settleMs });
    expect(endOf({ job }, now + settleMs)).toBe("PodDeleted");
  });

  it("after the agent started waits for its Job to fail, and not for ever", () => {
    expect(endOf({ job: aJob(), run: started }, startOfRun + 30 * minutes)).toBe("settling");
    expect(endOf({ job: aJob(), run: started }, startOfRun + 600 * minutes)).toBe("PodDeleted");
  });
});
