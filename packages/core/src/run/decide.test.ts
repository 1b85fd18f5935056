import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvalidConfig } from "../errors/invalid-config.ts";
import { ResourceNotFound } from "../errors/resource-not-found.ts";
import { TemplateError } from "../errors/template-error.ts";
import { decide, decideImpossible, decideRefused } from "./decide.ts";
import type { Action } from "./decision.ts";
import type { ContainerView, Observation } from "./observation.ts";
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
import { reviewHandler } from "./sample-handler.ts";

const handler = reviewHandler as never;
const settings = {
  attempt: { agentImage: "agent:1", modelBaseUrl: "https://model.example", modelSecretName: "model" },
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
    expect(writes(actions)).toEqual(["status Running", "event Started"]);
    expect(actions[0]).toMatchObject({
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
    expect(writes(actions)).toEqual(["status Succeeded", "event Succeeded"]);
    expect(actions[1]).toMatchObject({ event: { type: "Normal", note: "Delivered." } });
    expect(next).toEqual({ type: "awaitChange" });
  });

  it("stays accepted when its Job went while no operator was there", () => {
    const attempts = [{ number: 1, round: 1, jobName: "docs-a-run-1", outcome: "Running" as const }];
    const { actions } = decided({ run: aRun({ spec, status: { phase: "Running", attempts } }) });
    expect(actions[0]).toMatchObject({
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

  it("says once why it waits", () => {
    const { actions, next } = decided({ job: aJob(), pod }, late);
    expect(writes(actions)).toEqual(["status Pending"]);
    expect(actions[0]).toMatchObject({
      status: {
        message: expect.stringContaining("no node") as unknown,
        conditions: [{}, { reason: "Unschedulable" }, {}],
      },
    });
    expect(next).toEqual({ type: "requeueAfter", milliseconds: 10 * minutes - 10 * seconds });
    const told = aRun({ spec, status: { phase: "Pending", conditions: unschedulable } });
    expect(decided({ run: told, job: aJob(), pod }, late).actions).toEqual([]);
  });

  it("ends when pendingTimeout is over, and its Job is stopped", () => {
    const { actions } = decided({ job: aJob(), pod }, startOfRun + 10 * minutes);
    expect(writes(actions)).toEqual(["status Failed", "event Failed", "delete docs-a-run-1"]);
    expect(actions[0]).toMatchObject({ roundEnded: "Unschedulable" });
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
    expect(writes(actions)).toEqual(["status Failed", "event Failed"]);
    expect(actions[0]).toMatchObject({
      roundEnded: "InvalidInput",
      status: {
        message: expect.stringMatching(/^ReviewRun a-run cannot be carried out: spec\.question /) as unknown,
        conditions: [{ type: "Accepted", status: "False" }, { status: "False" }, { status: "False" }],
      },
    });
    expect(actions[0]).not.toHaveProperty("status.attempts");
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
    expect(actions[0]).toMatchObject({
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
    expect(actions[0]).toMatchObject({
      roundEnded: "NameConflict",
      status: { message: expect.stringContaining("Job x exists") as unknown },
    });
  });
});

describe("a run whose objects are refused", () => {
  const refusal = { object: "Job x", message: "exceeded quota: jobs" };
  const refused = (at: number) => decideRefused(handler, observe(), refusal, settings, { now: at, random: 0.5 });

  it("is tried again, and says why it waits", () => {
    expect(refused(now)).toEqual({ actions: [], next: { type: "requeueAfter", milliseconds: 15 * seconds } });
    const { actions, next } = refused(startOfRun + 10 * minutes - seconds);
    expect(actions[0]).toMatchObject({
      status: { phase: "Pending", message: expect.stringContaining("exceeded quota") as unknown },
    });
    expect(next).toEqual({ type: "requeueAfter", milliseconds: seconds });
  });

  it("ends as PodNotCreated when pendingTimeout is over", () => {
    expect(refused(startOfRun + 10 * minutes).actions[0]).toMatchObject({ roundEnded: "PodNotCreated" });
  });
});

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
      return (
        end === undefined ||
        agree(
          end,
          actions.find((action) => action.type === "recordEvent"),
        )
      );
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
