import { describe, expect, it } from "vitest";
import { decide } from "./decide.ts";
import { HandlerRegistry, liveJobs } from "./job-handler.ts";
import { aJob, anEndedPod, anObservation, aPod, aRun, startOfRun, attemptSettings } from "./observation-samples.ts";
import { reviewHandler } from "./sample-handler.ts";

describe("the registry", () => {
  it("takes a kind of run that core does not know, which then lives like the others", () => {
    const registry = new HandlerRegistry().register(reviewHandler);
    const settings = {
      attempt: attemptSettings,
      waitingNoticeAfterMs: 10_000,
    };
    const run = aRun({ spec: { question: "Is it so?" } });
    const { actions } = decide(registry.of("review"), anObservation({ run }), settings, {
      now: startOfRun,
      random: 0.5,
    });
    expect(actions).toMatchObject([
      { object: { kind: "ConfigMap", data: { "prompt.md": "Is it so?" } } },
      { object: { kind: "Job", metadata: { ownerReferences: [{ kind: "ReviewRun", uid: "run-uid" }] } } },
    ]);
    const pod = anEndedPod({ gateway: { delivery: { outcome: "Delivered" } } });
    const ended = decide(registry.of("review"), anObservation({ run, job: aJob(), pod }), settings, {
      now: startOfRun,
      random: 0.5,
    });
    expect(ended.actions[1]).toMatchObject({ status: { phase: "Succeeded", answers: 1 } });
  });

  it("refuses a second handler for a kind or a job type", () => {
    const registry = new HandlerRegistry().register(reviewHandler);
    expect(() => registry.register({ ...reviewHandler, jobType: "other" })).toThrow("ReviewRun");
    const resource = { ...reviewHandler.resource, kind: "Other" };
    expect(() => registry.register({ ...reviewHandler, resource })).toThrow("review");
    expect(registry.all()).toHaveLength(1);
  });

  it("says which handler is missing", () => {
    expect(() => new HandlerRegistry().of("review")).toThrow("no handler for review");
  });
});

describe("live Jobs", () => {
  const deletion = { requestedAt: startOfRun, dueAt: startOfRun };
  it.each([
    ["that still runs", { job: aJob() }, 1],
    ["with a pod at work", { job: aJob(), pod: aPod() }, 1],
    ["whose pod has ended", { job: aJob(), pod: anEndedPod() }, 0],
    ["whose pod has ended, and is being deleted", { job: aJob(), pod: anEndedPod({}, { deletion }) }, 1],
    ["that has finished", { job: aJob({ finishedAt: startOfRun }) }, 0],
    ["on its way out", { job: aJob({ deleting: true }) }, 0],
    ["that is not there", {}, 0],
  ])("a Job %s", (_, observation, count) => {
    expect(liveJobs(anObservation(observation))).toHaveLength(count);
  });
});
