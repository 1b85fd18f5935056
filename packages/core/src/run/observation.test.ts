import { describe, expect, it } from "vitest";
import { projectJob, projectPod, runProjection } from "./observation.ts";
import { aJobObject, aPodObject, startOfRun } from "./observation-samples.ts";
import { planOf } from "./run-plan.ts";

const defaults = { timeout: "1h", maxAgentRetries: 1 };
const projectRun = runProjection(defaults);

const at = "2026-01-01T00:01:00Z";
const minute = startOfRun + 60_000;

describe("what is kept of a run", () => {
  const metadata = { namespace: "team-a", name: "a-run", uid: "u", resourceVersion: "7", generation: 2 };
  const object = { apiVersion: "orchestrator.io/v1", kind: "DocsGenerationRun", metadata, spec: { model: "opus" } };

  it("is its spec and the plan that it makes while it lives", () => {
    expect(projectRun({ ...object, metadata: { ...metadata, creationTimestamp: at } })).toEqual({
      ...metadata,
      createdAt: minute,
      deleting: false,
      spec: object.spec,
      plan: planOf(object.spec, defaults),
      status: { phase: "Pending" },
    });
  });

  it.each(["Succeeded", "Failed", "Cancelled"] as const)("is its plan and no spec when it is %s", (phase) => {
    const spec = { model: "opus", cancel: true, contextVersion: 2, retention: { failed: "1h" } };
    const view = projectRun({ ...object, spec, status: { phase } });
    expect(view).toMatchObject({ status: { phase }, plan: planOf(spec, defaults) });
    expect(view).not.toHaveProperty("spec");
  });

  it("is the plan of before until the spec changes", () => {
    const before = projectRun(object);
    expect(projectRun({ ...object, spec: { cancel: true } }, before).plan).toBe(before.plan);
    const changed = { ...object, metadata: { ...metadata, generation: 3 }, spec: { cancel: true } };
    expect(projectRun(changed, before).plan).toMatchObject({ cancel: true });
  });

  it("is nothing that an odd object lacks", () => {
    const bare = { apiVersion: "v1", kind: "x", metadata: { name: "n", deletionTimestamp: at } };
    expect(projectRun(bare)).toMatchObject({
      namespace: "",
      uid: "",
      resourceVersion: "",
      generation: 0,
      deleting: true,
    });
  });
});

describe("what is kept of a Job", () => {
  it("is whose it is, and what its attempt was made with", () => {
    expect(projectJob(aJobObject())).toEqual({
      namespace: "team-a",
      name: "docs-a-run-1",
      uid: "job-uid",
      runName: "a-run",
      runUid: "run-uid",
      round: 1,
      createdAt: startOfRun,
      deleting: false,
      image: "agent:1",
      settingsHash: "sha256:s",
      promptHash: "sha256:p",
    });
  });

  it.each(["Complete", "Failed"])("is when it was %s", (type) => {
    const conditions = [
      { type: "Suspended", status: "False" as const },
      { type, status: "True" as const, lastTransitionTime: at },
    ];
    expect(projectJob(aJobObject({ conditions })).finishedAt).toBe(minute);
    const notYet = [{ type, status: "False" as const, lastTransitionTime: at }];
    expect(projectJob(aJobObject({ conditions: notYet }))).not.toHaveProperty("finishedAt");
  });

  it("is nobody's where no owner controls it", () => {
    const job = { ...aJobObject(), metadata: { name: "x" }, spec: { template: { spec: { containers: [] } } } };
    expect(projectJob(job)).toMatchObject({ runName: "", runUid: "" });
    expect(projectJob(job)).not.toHaveProperty("image");
  });
});

describe("what is kept of a Pod", () => {
  it("is whose it is, and that nothing has happened yet", () => {
    expect(projectPod(aPodObject(undefined))).toEqual({
      namespace: "team-a",
      name: "docs-a-run-1-x",
      uid: "pod-uid",
      jobName: "docs-a-run-1",
      runName: "a-run",
      runUid: "run-uid",
      round: 1,
      createdAt: startOfRun,
      stopAsked: false,
      ended: false,
      reason: "",
      message: "",
      node: "node-1",
      gateway: { type: "absent" },
      prepare: { type: "absent" },
      agent: { type: "absent" },
    });
    const stranger = aPodObject({}, { labels: {}, annotations: {}, ownerReferences: [] });
    expect(projectPod(stranger)).toMatchObject({ jobName: "", runName: "", runUid: "" });
  });

  it("is how each container stands, and how it ended before", () => {
    const status = (name: string, state: object, lastState = {}) => ({
      name,
      ready: false,
      restartCount: 0,
      image: "",
      imageID: "",
      state,
      lastState,
    });
    const terminated = { exitCode: 1, reason: "Error", message: "{}", startedAt: at, finishedAt: at };
    const pod = projectPod(
      aPodObject({
        phase: "Running",
        initContainerStatuses: [
          status("gateway", { running: { startedAt: at } }, { terminated }),
          status("prepare", { terminated: { exitCode: 0, startedAt: "0001-01-01T00:00:00Z" } }),
        ],
        containerStatuses: [status("agent", { waiting: { reason: "PodInitializing" } })],
      }),
    );
    const last = { ...terminated, type: "terminated", startedAt: minute, finishedAt: minute };
    expect(pod.gateway).toEqual({ type: "running", startedAt: minute, last });
    expect(pod.prepare).toEqual({ type: "terminated", exitCode: 0, reason: "", message: "" });
    expect(pod.agent).toEqual({ type: "waiting", reason: "PodInitializing", message: "" });
    const odd = projectPod(aPodObject({ containerStatuses: [status("agent", { running: {} })] }));
    expect(odd.agent).toEqual({ type: "running", startedAt: 0 });
    expect(projectPod(aPodObject({ containerStatuses: [status("agent", {})] })).agent).toEqual({ type: "absent" });
  });

  it("is what its conditions say", () => {
    const unschedulable = { type: "PodScheduled", status: "False", message: "0/1 nodes" } as const;
    const target = { type: "DisruptionTarget", status: "True", reason: "DeletionByPodGC", message: "gone" } as const;
    expect(projectPod(aPodObject({ conditions: [unschedulable, target] }))).toMatchObject({
      unschedulable: "0/1 nodes",
      disruption: { reason: "DeletionByPodGC", message: "gone" },
    });
    const fine = [
      { ...unschedulable, status: "True" as const },
      { ...target, status: "False" as const },
    ];
    const pod = projectPod(aPodObject({ conditions: fine }));
    expect(pod).not.toHaveProperty("unschedulable");
    expect(pod).not.toHaveProperty("disruption");
  });

  it("is when its deletion was asked for, and when it is due", () => {
    const asked = projectPod(aPodObject({}, { deletionTimestamp: at, deletionGracePeriodSeconds: 30 }));
    expect(asked.deletion).toEqual({ requestedAt: minute - 30_000, dueAt: minute });
    expect(projectPod(aPodObject({}, { deletionTimestamp: at })).deletion?.requestedAt).toBe(minute);
  });

  it.each([
    ["Succeeded", true],
    ["Failed", true],
    ["Running", false],
    ["Pending", false],
  ] as const)("is that it has ended when its phase is %s: %s", (phase, ended) => {
    expect(projectPod(aPodObject({ phase })).ended).toBe(ended);
  });
});
