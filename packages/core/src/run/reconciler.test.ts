import {
  ApiError,
  createLogger,
  type Job,
  type KubernetesObject,
  type NetworkPolicy,
  type ObjectKey,
  type PersistentVolumeClaim,
  type Pod,
  type StatusDetails,
  type Store,
} from "@orchestrator/controller-runtime";
import { describe, expect, it } from "vitest";
import { buildNetworkPolicy } from "../pod/network-policy.ts";
import type { DecideSettings } from "./decision.ts";
import { attemptName, workspaceClaimName } from "./names.ts";
import { aPodObject, startOfRun, attemptSettings } from "./observation-samples.ts";
import {
  type JobView,
  type NetworkPolicyView,
  type PodView,
  projectJob,
  projectNetworkPolicy,
  projectPod,
  runProjection,
  type RunObject,
  type RunView,
} from "./observation.ts";
import { byClaim, claimId, RunReconciler } from "./reconciler.ts";
import { reviewHandler } from "./sample-handler.ts";
import { type ClaimView, projectClaim } from "./workspace.ts";

const key = { namespace: "team-a", name: "a-run" };
const awaitChange = { type: "awaitChange" };
const soon = { type: "requeueAfter", milliseconds: 500 };
const operation = "carry out ReviewRun team-a/a-run";

class FakeStore<
  P extends { namespace: string; name: string; runUid?: string; claim?: string },
  T extends KubernetesObject,
> implements Store<P, T>
{
  readonly objects = new Map<string, P>();
  /** As the API server has them. */
  readonly stored = new Map<string, T>();
  /** Finds out what became of a write whose answer was lost, and tells whether there was one. */
  confirmed: (key: ObjectKey) => boolean = () => false;
  readonly #project: (object: T) => P;

  constructor(project: (object: T) => P) {
    this.#project = project;
  }

  get({ namespace, name }: ObjectKey): P | undefined {
    return this.objects.get(`${namespace}/${name}`);
  }

  list(): P[] {
    return [...this.objects.values()];
  }

  byIndex(index: string, value: string): P[] {
    const indexed = ({ namespace, claim = "", runUid }: P) => (index === byClaim ? claimId(namespace, claim) : runUid);
    return this.list().filter((view) => indexed(view) === value);
  }

  remember(object: T): void {
    const view = this.#project(object);
    this.objects.set(`${view.namespace}/${view.name}`, view);
    this.stored.set(`${view.namespace}/${view.name}`, object);
  }

  async write<R extends T | undefined>({ namespace, name }: ObjectKey, attempt: () => Promise<R>): Promise<R> {
    const answer = await attempt();
    if (answer === undefined) this.objects.delete(`${namespace}/${name}`);
    else this.remember(answer);
    return answer;
  }

  async confirm(key: ObjectKey): Promise<boolean> {
    return this.confirmed(key);
  }
}

function aRunObject(changes: Partial<RunObject> = {}): RunObject {
  return {
    apiVersion: "orchestrator.io/v1",
    kind: "ReviewRun",
    metadata: {
      ...key,
      uid: "run-uid",
      resourceVersion: "7",
      generation: 1,
      creationTimestamp: "2026-01-01T00:00:00Z",
    },
    spec: { question: "Is it so?", retryConfig: { maxInfrastructureRetries: 0, maxAgentRetries: 0 } },
    status: { phase: "Pending" },
    ...changes,
  };
}

type Answer = (object: never) => unknown;
type Call =
  | "create PersistentVolumeClaim"
  | "get PersistentVolumeClaim"
  | "create NetworkPolicy"
  | "get NetworkPolicy"
  | "create ConfigMap"
  | "create Job"
  | "get ConfigMap"
  | "get Job"
  | "get ReviewRun"
  | "list Event"
  | "list Job"
  | "list Pod"
  | "patch"
  | "delete"
  | "event";

/** A reconciler whose caches and API server are the test's. An answer that is an Error is thrown. */
function scene(answers: Partial<Record<Call, Answer | Error>> = {}, settings: Partial<DecideSettings> = {}) {
  const asked: { call: Call; body: unknown }[] = [];
  const runs = new FakeStore<RunView, RunObject>(runProjection(reviewHandler.defaults));
  const jobs = new FakeStore<JobView, Job>(projectJob);
  const pods = new FakeStore<PodView, Pod>(projectPod);
  const claims = new FakeStore<ClaimView, PersistentVolumeClaim>(projectClaim);
  const networkPolicies = new FakeStore<NetworkPolicyView, NetworkPolicy>(projectNetworkPolicy);
  const counted: unknown[] = [];
  const log: string[] = [];
  const enqueued: ObjectKey[] = [];
  const clock = { now: startOfRun };
  const ask = async (call: Call, body: unknown): Promise<never> => {
    asked.push({ call, body });
    const answer = answers[call];
    if (answer instanceof Error) throw answer;
    return (answer === undefined ? body : answer(body as never)) as never;
  };
  const reconciler = new RunReconciler({
    handler: reviewHandler as never,
    client: {
      create: (type, object) =>
        ask(`create ${type.kind}` as Call, {
          ...object,
          metadata: { ...object.metadata, uid: `${type.kind}-uid`, creationTimestamp: "2026-01-01T00:00:00Z" },
        }),
      get: (type, wanted) => {
        const { stored } = type.kind === "PersistentVolumeClaim" ? claims : runs;
        const object = stored.get(`${wanted.namespace}/${wanted.name}`);
        return ask(`get ${type.kind}` as Call, object ?? { kind: type.kind, metadata: wanted });
      },
      list: (type) => ask(`list ${type.kind}` as Call, { items: [], resourceVersion: "9" }),
      patch: (_, __, patch) => ask("patch", patch),
      delete: async (_, wanted, { uid, resourceVersion }) => {
        await ask("delete", { ...wanted, uid, ...(resourceVersion !== undefined && { resourceVersion }) });
        return undefined;
      },
    },
    runs,
    jobs,
    pods,
    claims,
    networkPolicies,
    events: { record: (_, event) => ask("event", event) },
    enqueue: (key) => void enqueued.push(key),
    settings: {
      attempt: attemptSettings,
      waitingNoticeAfterMs: 10_000,
      ...settings,
    },
    now: () => clock.now,
    logger: createLogger({ level: "info", name: "test", destination: { write: (line) => void log.push(line) } }),
    random: () => 0.5,
    metrics: {
      attemptEnded: (_, reason) => counted.push(reason),
      roundEnded: (kind, reason, { phase }) => counted.push({ kind, phase, reason }),
    },
  });
  const signal = new AbortController();
  const reconcile = (name = key.name) => reconciler.reconcile({ ...key, name }, signal.signal);
  const inherit = () => reconciler.inherit("7");
  const calls = () => asked.map(({ call }) => call);
  const caches = { runs, jobs, pods, claims, networkPolicies };
  return { ...caches, asked, calls, counted, log, enqueued, clock, signal, reconcile, inherit };
}

function refusal(status: number, reason: string, details?: StatusDetails): ApiError {
  return new ApiError({ status, reason, message: `the server says ${reason}`, details });
}

const exists = refusal(409, "AlreadyExists");
const owned = (uid: string, deletionTimestamp?: string) => (object: KubernetesObject) => ({
  ...object,
  metadata: {
    ...object.metadata,
    ownerReferences: [{ apiVersion: "v1", kind: "ReviewRun", name: "a-run", uid, controller: true }],
    ...(deletionTimestamp && { deletionTimestamp }),
  },
  spec: { template: { spec: { containers: [] } } },
});
/** The API server's answer to a status patch. */
const patched: Answer = (patch: { status: RunObject["status"] }) =>
  aRunObject({ status: patch.status as never, metadata: { ...aRunObject().metadata, resourceVersion: "8" } });

/** Patches of anything but a status are refused. */
const refusing =
  (error: ApiError): Answer =>
  (patch: { status?: RunObject["status"] }) => {
    if (patch.status === undefined) throw error;
    return patched(patch as never);
  };

describe("a reconcile", () => {
  it("of a run that is not there does nothing", async () => {
    const { reconcile, calls } = scene();
    expect(await reconcile()).toEqual(awaitChange);
    expect(calls()).toEqual([]);
  });

  it("makes ConfigMap and Job, and acts on its own writes before the watch brings them", async () => {
    const { runs, jobs, reconcile, calls } = scene();
    runs.remember(aRunObject());
    expect(await reconcile()).toEqual({ type: "requeueAfter", milliseconds: 10_000 });
    expect(calls()).toEqual(["create ConfigMap", "create Job"]);
    expect(jobs.list()).toHaveLength(1);
    await reconcile();
    expect(calls()).toHaveLength(2);
  });

  it("learns what became of its writes whose answers were lost before it decides anew", async () => {
    const { reconcile, calls, runs, jobs, pods } = scene();
    runs.remember(aRunObject());
    await reconcile();
    const job = jobs.objects.get(`${key.namespace}/${jobs.list()[0]?.name}`);
    const lost = new Map([
      [`${job?.namespace}/${job?.name}`, () => job && jobs.objects.set(`team-a/${job.name}`, job)],
    ]);
    jobs.objects.clear();
    jobs.confirmed = ({ namespace, name }) => lost.get(`${namespace}/${name}`)?.() !== undefined;
    const before = calls().length;
    await reconcile();
    expect(calls().slice(before)).toEqual([]);
    expect(pods.list()).toEqual([]);
  });

  it("guards a status by the version it was decided on, and counts the ending", async () => {
    const { runs, jobs, pods, asked, counted, reconcile, calls } = scene({ patch: patched });
    runs.remember(aRunObject());
    await reconcile();
    const [job] = jobs.list();
    const pod = aPodObject({ phase: "Failed" }, { ownerReferences: [owner(job?.name)] });
    pods.remember(pod);
    await reconcile();
    expect(calls().slice(2)).toEqual(["event", "patch"]);
    expect(asked[3]?.body).toMatchObject({ metadata: { resourceVersion: "7" }, status: { phase: "Failed" } });
    expect(counted).toEqual(["AgentError", { kind: "ReviewRun", phase: "Failed", reason: "AgentError" }]);
    await reconcile();
    expect(calls()).toHaveLength(4);
  });

  it("takes the newest pod of the attempt's own Job", async () => {
    const { runs, jobs, pods, asked, reconcile } = scene({ patch: patched });
    runs.remember(aRunObject());
    await reconcile();
    const ownerReferences = [owner(jobs.list()[0]?.name)];
    pods.remember(aPodObject({ phase: "Failed", reason: "Evicted" }, { ownerReferences, name: "old" }));
    const newest = { ownerReferences, name: "new", creationTimestamp: "2026-01-01T00:00:01Z" };
    pods.remember(aPodObject({ phase: "Failed", reason: "DeadlineExceeded" }, newest));
    pods.remember(
      aPodObject(
        { phase: "Failed", reason: "Evicted" },
        { name: "foreign", creationTimestamp: "2026-01-02T00:00:00Z" },
      ),
    );
    await reconcile();
    expect(asked[3]?.body).toMatchObject({ status: { attempts: [{ reason: "AgentTimedOut" }] } });
  });

  it("ends a run whose Job this process has seen go", async () => {
    const { runs, jobs, asked, calls, reconcile } = scene({ patch: patched });
    runs.remember(aRunObject());
    await reconcile();
    jobs.objects.clear();
    await reconcile();
    expect(calls().slice(2, 5)).toEqual(["get ReviewRun", "list Job", "list Pod"]);
    expect(calls().slice(5)).toContain("patch");
    expect(asked[calls().indexOf("patch")]?.body).toMatchObject({
      status: { conditions: [{}, { reason: "JobDeleted" }, {}] },
    });
  });

  it("looks at the API server before it takes for gone what its caches do not show", async () => {
    const { runs, jobs, clock, asked, calls, reconcile } = scene({
      patch: patched,
      "list Pod": () => ({
        items: [aPodObject({ phase: "Failed", reason: "Evicted" }, { ownerReferences: [owner(made)] })],
      }),
    });
    runs.remember(aRunObject());
    await reconcile();
    const made = jobs.list()[0]?.name;
    clock.now += 3_600_000;
    await reconcile();
    expect(calls().slice(2, 5)).toEqual(["get ReviewRun", "list Job", "list Pod"]);
    expect(asked[calls().indexOf("patch")]?.body).toMatchObject({
      status: { conditions: [{}, { reason: "PodEvicted" }, {}] },
    });
  });

  it("looks at a run that another process may have worked on before it starts an attempt of it", async () => {
    const { runs, jobs, calls, reconcile, inherit } = scene();
    runs.remember(aRunObject());
    inherit();
    await reconcile();
    expect(calls()).toEqual(["get ReviewRun", "list Job", "list Pod", "create ConfigMap", "create Job"]);
    expect(jobs.list()).toHaveLength(1);
  });

  it("does not look at a run that is known as it became since this process leads", async () => {
    const { runs, calls, reconcile, inherit } = scene();
    runs.remember(aRunObject({ metadata: { ...aRunObject().metadata, resourceVersion: "10" } }));
    inherit();
    await reconcile();
    expect(calls()).toEqual(["create ConfigMap", "create Job"]);
  });

  it("does nothing for a run that has gone while it was looked at", async () => {
    const { runs, calls, reconcile, inherit } = scene({
      "list Pod": () => {
        runs.objects.clear();
        return { items: [] };
      },
    });
    runs.remember(aRunObject());
    inherit();
    expect(await reconcile()).toEqual(awaitChange);
    expect(calls()).toEqual(["get ReviewRun", "list Job", "list Pod"]);
  });

  it("starts nothing where another process has ended the run meanwhile", async () => {
    const { runs, calls, reconcile, inherit } = scene({
      "get ReviewRun": () => aRunObject({ status: { phase: "Succeeded" } }),
    });
    runs.remember(aRunObject());
    inherit();
    await reconcile();
    expect(calls()).toEqual(["get ReviewRun", "list Job", "list Pod"]);
  });

  const refused = (resourceVersion: string, note: string) => ({ metadata: { resourceVersion }, note });

  it("tells what the Job controller last said of a Job that has no pod", async () => {
    const events = [refused("19", "exceeded quota: old"), refused("105", "exceeded quota: new")];
    const { runs, asked, calls, clock, reconcile } = scene({ "list Event": () => ({ items: events }), patch: patched });
    runs.remember(aRunObject());
    await reconcile();
    clock.now += 10_000;
    await reconcile();
    expect(calls().slice(2)).toEqual(["get ReviewRun", "list Job", "list Pod", "list Event", "patch"]);
    const message = expect.stringMatching(
      /^Job \S+ has not created its pod: exceeded quota: new\. This attempt waits until 2026-01-01T00:10:00Z \(spec\.pendingTimeout\) at the longest\. Check spec\.pod, /,
    ) as unknown;
    expect(asked.at(-1)?.body).toMatchObject({ status: { phase: "Pending", message } });
    await reconcile();
    expect(calls()).toHaveLength(7);
  });

  it("looks ever less often for what that has become, and tells it where it is something else", async () => {
    let note = 'Error creating: pods "a-x1" is forbidden: exceeded quota: q, used: pods=1';
    const { runs, asked, calls, clock, reconcile } = scene({
      "get ReviewRun": () => runs.stored.get("team-a/a-run"),
      "list Event": () => ({ items: [refused("1", note)] }),
      patch: patched,
    });
    runs.remember(aRunObject());
    await reconcile();
    const looks: number[] = [];
    const told: number[] = [];
    for (let second = 1; second < 600; second += 1) {
      clock.now += 1000;
      if (second === 50) note = 'Error creating: pods "a-x2" is forbidden: exceeded quota: q, used: pods=22';
      if (second === 100) note = 'Error creating: pods "a-x3" is forbidden: exceeded quota: other, used: pods=22';
      const before = calls().length;
      await reconcile();
      const made = calls().slice(before);
      if (made.includes("list Event")) looks.push(second);
      if (made.includes("patch")) told.push(second);
    }
    expect(looks).toEqual([10, 20, 40, 80, 160, 320]);
    expect(told).toEqual([10, 160]);
    expect(asked.at(-1)?.call).toBe("list Event");
  });

  it("tells that a Job has no pod where it may not read the events", async () => {
    const { runs, asked, log, clock, reconcile } = scene({
      "list Event": refusal(403, "Forbidden"),
      patch: patched,
    });
    runs.remember(aRunObject());
    await reconcile();
    clock.now += 10_000;
    await reconcile();
    expect(log.map((line) => JSON.parse(line) as unknown)).toContainEqual(
      expect.objectContaining({ level: "warn", msg: "events not read" }),
    );
    expect(asked.at(-1)?.body).toMatchObject({
      status: { message: expect.stringContaining("a quota or an admission policy may forbid it") as unknown },
    });
  });

  it("does not take a new run for an old one of its name", async () => {
    const { runs, jobs, calls, reconcile } = scene();
    runs.remember(aRunObject());
    await reconcile();
    jobs.objects.clear();
    runs.remember(aRunObject({ metadata: { ...aRunObject().metadata, uid: "another-uid" } }));
    await reconcile();
    expect(calls().slice(2)).toEqual(["create ConfigMap", "create Job"]);
  });

  it("stops the live Job of a run that has ended, that very Job", async () => {
    const { runs, jobs, asked, reconcile } = scene();
    runs.remember(aRunObject());
    await reconcile();
    const job = jobs.list()[0];
    runs.remember(aRunObject({ status: { phase: "Failed" } }));
    await reconcile();
    expect(asked.at(-1)).toEqual({ call: "delete", body: { namespace: "team-a", name: job?.name, uid: "Job-uid" } });
  });

  it("leaves the Job of a run that has gone on since its cache was filled", async () => {
    const { runs, calls, reconcile } = scene({
      "get ReviewRun": () => aRunObject({ status: { phase: "Running", attempts: [running] } }),
    });
    runs.remember(aRunObject());
    await reconcile();
    const running = { number: 1, round: 1, jobName: runs.list()[0]?.name ?? "", outcome: "Running" as const };
    runs.remember(aRunObject({ status: { phase: "Failed" } }));
    await reconcile();
    expect(calls().slice(2)).toEqual(["get ReviewRun", "list Job", "list Pod", "list Event"]);
  });

  it("has nothing to do where a look at the API server finds the run gone", async () => {
    const { runs, calls, reconcile } = scene({ "get ReviewRun": refusal(404, "NotFound") });
    runs.remember(aRunObject());
    await reconcile();
    runs.remember(aRunObject({ status: { phase: "Failed" } }));
    expect(await reconcile()).toEqual(awaitChange);
    expect(calls().slice(2)).toEqual(["get ReviewRun"]);
  });

  it("looks again where the Job to be stopped is another one by now", async () => {
    const { runs, reconcile } = scene({ delete: refusal(409, "Conflict") });
    runs.remember(aRunObject());
    await reconcile();
    runs.remember(aRunObject({ status: { phase: "Failed" } }));
    expect(await reconcile()).toEqual(soon);
  });
});

function owner(name = "") {
  return { apiVersion: "batch/v1", kind: "Job", name, uid: "Job-uid", controller: true };
}

describe("an object that exists already", () => {
  it("and is ours counts as made", async () => {
    const { runs, jobs, calls, reconcile } = scene({
      "create ConfigMap": exists,
      "get ConfigMap": owned("run-uid"),
      "create Job": exists,
      "get Job": owned("run-uid"),
    });
    runs.remember(aRunObject());
    await reconcile();
    expect(calls()).toEqual(["create ConfigMap", "get ConfigMap", "create Job", "get Job"]);
    expect(jobs.list()).toHaveLength(1);
  });

  it("and is on its way out is waited for", async () => {
    const gone = owned("run-uid", "2026-01-01T00:00:00Z");
    const { runs, calls, reconcile } = scene({ "create ConfigMap": exists, "get ConfigMap": gone });
    runs.remember(aRunObject());
    expect(await reconcile()).toEqual(soon);
    expect(calls()).toEqual(["create ConfigMap", "get ConfigMap"]);
  });

  it.each(["create ConfigMap", "create Job"] as const)("and is somebody else's ends the run (%s)", async (create) => {
    const get = create.replace("create", "get") as Call;
    const { runs, asked, calls, reconcile } = scene({ [create]: exists, [get]: owned("other"), patch: patched });
    runs.remember(aRunObject());
    await reconcile();
    expect(calls().slice(-2)).toEqual(["event", "patch"]);
    expect(asked.at(-1)?.body).toMatchObject({
      status: { phase: "Failed", conditions: [{}, { reason: "NameConflict" }, {}] },
    });
  });
});

describe("a workspace", () => {
  const spec = { question: "Is it so?", serviceName: "greeter", workspace: { size: "1Gi" } };
  const labels = { "app.kubernetes.io/managed-by": "orchestrator", "orchestrator.io/service": "greeter" };
  const claim = (changes: Partial<PersistentVolumeClaim["metadata"]> = {}): PersistentVolumeClaim => {
    const metadata = { namespace: "team-a", name: workspaceClaimName("team-a", "greeter"), uid: "c", labels };
    const capacity = { resources: { requests: { storage: "5Gi" } }, storageClassName: "slow" };
    return {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { ...metadata, resourceVersion: "3", ...changes },
      spec: capacity,
    };
  };

  it("is made by the first run that asks for it, and held by it before its Job is made", async () => {
    const { runs, claims, asked, calls, reconcile } = scene();
    runs.remember(aRunObject({ spec }));
    await reconcile();
    expect(calls()).toEqual(["create PersistentVolumeClaim", "create ConfigMap", "create Job"]);
    expect(asked[0]?.body).toMatchObject({
      metadata: { labels, annotations: { "orchestrator.io/holder": "run-uid" } },
    });
    expect(claims.list()).toMatchObject([{ holder: { runUid: "run-uid" } }]);
  });

  it("that is there is taken as it was seen, and used as it is", async () => {
    const taken: Answer = ({ metadata }: PersistentVolumeClaim) => claim({ ...metadata, resourceVersion: "4" });
    const { runs, claims, asked, calls, log, reconcile } = scene({ patch: taken });
    runs.remember(aRunObject({ spec }));
    claims.remember(claim());
    await reconcile();
    expect(calls()).toEqual(["patch", "create ConfigMap", "create Job"]);
    expect(asked[0]?.body).toMatchObject({
      metadata: { resourceVersion: "3", annotations: { "orchestrator.io/holder": "run-uid" } },
    });
    expect(JSON.parse(log[0] ?? "")).toMatchObject({ msg: "took the workspace", asked: { size: "1Gi" } });
  });

  it.each([
    ["was taken by another just now", { patch: refusal(409, "Conflict") }, true],
    ["went away just now", { patch: refusal(404, "NotFound") }, true],
    [
      "was made by another just now",
      { "create PersistentVolumeClaim": exists, "get PersistentVolumeClaim": () => claim() },
      false,
    ],
  ] as const)("that %s is looked at again", async (_, answers, seen) => {
    const { runs, claims, calls, reconcile } = scene(answers);
    runs.remember(aRunObject({ spec }));
    if (seen) claims.remember(claim());
    expect(await reconcile()).toEqual(soon);
    expect(calls()).not.toContain("create ConfigMap");
  });

  it("whose name is taken by somebody else's claim ends the run", async () => {
    const foreign = () => claim({ labels: { ...labels, "orchestrator.io/service": "other" } });
    const { runs, asked, reconcile } = scene({
      "create PersistentVolumeClaim": exists,
      "get PersistentVolumeClaim": foreign,
      patch: patched,
    });
    runs.remember(aRunObject({ spec }));
    await reconcile();
    expect(asked.at(-1)?.body).toMatchObject({
      status: {
        message: expect.stringContaining("exists and is no workspace of this service") as unknown,
        conditions: [{}, { reason: "NameConflict" }, {}],
      },
    });
  });

  it("that a quota forbids is tried again and told, once it has lasted", async () => {
    const forbidden = refusal(403, "Forbidden");
    const { runs, asked, clock, reconcile } = scene({ "create PersistentVolumeClaim": forbidden, patch: patched });
    runs.remember(aRunObject({ spec }));
    expect(await reconcile()).toEqual({ type: "requeueAfter", milliseconds: 15_000 });
    clock.now += 15_000;
    await reconcile();
    expect(asked.at(-1)?.body).toMatchObject({ status: { conditions: [{}, { reason: "PodNotCreated" }, {}] } });
  });

  it("that was waited for leaves the Job all of pendingTimeout", async () => {
    const { runs, claims, clock, reconcile } = scene({ "create Job": refusal(403, "Forbidden"), patch: () => claim() });
    runs.remember(aRunObject({ spec }));
    claims.remember(claim());
    clock.now += 3_600_000;
    expect(await reconcile()).toEqual({ type: "requeueAfter", milliseconds: 15_000 });
    const at = new Date(clock.now - 590_000).toISOString();
    const held = { "orchestrator.io/holder": "run-uid", "orchestrator.io/held-since": at };
    const heldFor = attemptName({ prefix: "review", runName: "a-run", runUid: "run-uid", round: 1, attempt: 1 });
    claims.remember(claim({ annotations: { ...held, "orchestrator.io/held-for": heldFor } }));
    expect(await reconcile()).toEqual({ type: "requeueAfter", milliseconds: 10_000 });
  });

  it("is left to a run whose Job is long in coming, whatever is asked of that run meanwhile", async () => {
    const slow = Promise.withResolvers<void>();
    const { runs, claims, clock, calls, reconcile } = scene({
      "create ConfigMap": (made) => slow.promise.then(() => made),
    });
    runs.remember(aRunObject({ spec }));
    const first = reconcile();
    await expect.poll(() => calls()).toContain("create ConfigMap");
    expect(claims.list()).toHaveLength(1);
    runs.remember(aRunObject({ spec: { ...spec, suspend: true } }));
    const { metadata } = aRunObject();
    runs.remember(aRunObject({ spec, metadata: { ...metadata, name: "second", uid: "second-uid" } }));
    clock.now += 10_000;
    expect(await reconcile("second")).toEqual(soon);
    slow.resolve();
    await first;
    expect(calls().filter((call) => call === "create Job")).toHaveLength(1);
  });

  it("is looked at before a new leader goes on in it, for another may have taken it", async () => {
    const { runs, claims, calls, reconcile, inherit } = scene({
      "get PersistentVolumeClaim": () => claim({ annotations: { "orchestrator.io/holder": "other", ...since } }),
    });
    const since = { "orchestrator.io/held-since": "2026-01-01T00:00:00Z" };
    runs.remember(aRunObject({ spec }));
    claims.remember(claim({ annotations: { "orchestrator.io/holder": "run-uid" } }));
    inherit();
    await reconcile();
    expect(calls()).toEqual(["get ReviewRun", "get PersistentVolumeClaim", "list Job", "list Pod"]);
  });

  it("is not taken from a holder whose pod works there, seen or not", async () => {
    const claimName = workspaceClaimName("team-a", "greeter");
    const volumes = [{ name: "workspace", persistentVolumeClaim: { claimName } }];
    const pod = aPodObject({ phase: "Running" }, { labels: { "orchestrator.io/run-uid": "gone" } });
    const { runs, claims, calls, reconcile } = scene({
      patch: patched,
      "list Pod": () => ({ items: [{ ...pod, spec: { ...pod.spec, volumes } }] }),
    });
    runs.remember(aRunObject({ spec }));
    claims.remember(claim({ annotations: { "orchestrator.io/holder": "gone" } }));
    await reconcile();
    expect(calls()).toEqual(["get ReviewRun", "get PersistentVolumeClaim", "list Job", "list Pod"]);
  });

  it("that may not be taken from another is told and given up, as if its turn had come at once", async () => {
    const forbidden = refusal(403, "Forbidden");
    const { runs, claims, asked, log, clock, reconcile } = scene({ patch: refusing(forbidden) });
    const run = aRunObject({ spec: { ...spec, retryConfig: { maxInfrastructureRetries: 0 } } });
    runs.remember(run);
    claims.remember(claim({ annotations: { "orchestrator.io/holder": "gone" } }));
    expect(await reconcile()).toEqual({ type: "requeueAfter", milliseconds: 15_000 });
    const name = workspaceClaimName("team-a", "greeter");
    expect(log.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { msg: "refused", object: `PersistentVolumeClaim ${name}`, reason: forbidden.message },
    ]);
    clock.now += 15_000;
    await reconcile();
    expect(asked.at(-1)?.body).toMatchObject({
      status: { phase: "Pending", conditions: [{}, { reason: "PodNotCreated" }, {}] },
    });
    runs.remember(run);
    clock.now += 600_000;
    await reconcile();
    expect(asked.at(-1)?.body).toMatchObject({
      status: { phase: "Failed", conditions: [{}, { reason: "PodNotCreated" }, {}] },
    });
  });

  it.each([
    ["ends", 0],
    ["waits for its next attempt", 1],
  ])("wakes who waits for it when a run %s", async (_, maxInfrastructureRetries) => {
    const { runs, jobs, pods, enqueued, reconcile } = scene({ patch: patched });
    runs.remember(aRunObject({ spec: { ...spec, retryConfig: { maxInfrastructureRetries } } }));
    await reconcile();
    const waiter = { namespace: "team-a", name: "another" };
    const { metadata } = aRunObject();
    runs.remember(aRunObject({ spec, metadata: { ...metadata, ...waiter, uid: "another-uid" } }));
    runs.byIndex = () => runs.list();
    const ownerReferences = [owner(jobs.list()[0]?.name)];
    pods.remember(aPodObject({ phase: "Failed", reason: "Evicted" }, { ownerReferences }));
    await reconcile();
    expect(enqueued).toEqual([waiter]);
  });

  it("for any other reason is the controller's to try again", async () => {
    const error = new Error("connection reset");
    const { runs, reconcile } = scene({ "create PersistentVolumeClaim": error });
    runs.remember(aRunObject({ spec }));
    await expect(reconcile()).rejects.toMatchObject({ kind: "KubeError", operation, cause: error });
  });
});

describe("a creation that the API server fails", () => {
  it.each([refusal(500, "InternalError"), refusal(413, "RequestEntityTooLarge"), refusal(409, "Conflict")])(
    "is tried again and told, once it has lasted (%s)",
    async (failing) => {
      const { runs, asked, clock, calls, reconcile } = scene({ "create Job": failing, patch: patched });
      runs.remember(aRunObject());
      await Promise.allSettled([reconcile()]);
      expect(calls()).toEqual(["create ConfigMap", "create Job"]);
      clock.now += 15_000;
      await reconcile();
      const conditions = [
        {},
        { reason: "PodNotCreated", message: expect.stringContaining(failing.message) as string },
        {},
      ];
      expect(asked.at(-1)?.body).toMatchObject({ status: { phase: "Pending", conditions } });
    },
  );

  it("is told anew when it is another object that is refused", async () => {
    const webhook = refusal(500, "InternalError");
    const answers: Partial<Record<Call, Answer | Error>> = { "create ConfigMap": webhook, patch: patched };
    const { runs, clock, calls, reconcile } = scene(answers);
    runs.remember(aRunObject());
    clock.now += 15_000;
    await reconcile();
    delete answers["create ConfigMap"];
    answers["create Job"] = webhook;
    await reconcile();
    expect(runs.list()[0]?.status.message).toMatch(/^Job \S+ is refused: /);
    await expect(reconcile()).rejects.toThrow(operation);
    expect(calls().filter((call) => call === "patch")).toHaveLength(2);
  });
});

describe("a refused creation", () => {
  it("for want of quota is tried again and told, once it has lasted", async () => {
    const { runs, asked, calls, clock, reconcile } = scene({ "create Job": refusal(403, "Forbidden"), patch: patched });
    runs.remember(aRunObject());
    expect(await reconcile()).toEqual({ type: "requeueAfter", milliseconds: 15_000 });
    expect(calls()).toEqual(["create ConfigMap", "create Job"]);
    clock.now += 15_000;
    await reconcile();
    expect(asked.at(-1)?.body).toMatchObject({
      status: { phase: "Pending", conditions: [{}, { reason: "PodNotCreated" }, {}] },
    });
  });

  it("because the namespace goes is left alone", async () => {
    const details = { causes: [{ reason: "NamespaceTerminating" }] };
    const { runs, calls, reconcile } = scene({ "create ConfigMap": refusal(403, "Forbidden", details) });
    runs.remember(aRunObject());
    expect(await reconcile()).toEqual(awaitChange);
    expect(calls()).toEqual(["create ConfigMap"]);
  });

  it("because the object is not valid ends the run with the server's words", async () => {
    for (const error of [refusal(422, "Invalid"), refusal(400, "BadRequest")]) {
      const { runs, asked, reconcile } = scene({ "create Job": error, patch: patched });
      runs.remember(aRunObject());
      await reconcile();
      expect(asked.at(-1)?.body).toMatchObject({
        status: {
          message: expect.stringContaining(error.message) as unknown,
          conditions: [{}, { reason: "InvalidInput" }, {}],
        },
      });
    }
  });

  it("for any other reason is the controller's to try again", async () => {
    const broken = new Error("connection reset");
    for (const error of [refusal(500, "InternalError"), broken]) {
      const { runs, reconcile } = scene({ "create ConfigMap": error });
      runs.remember(aRunObject());
      await expect(reconcile()).rejects.toMatchObject({ kind: "KubeError", operation, cause: error });
    }
  });
});

describe("a refused status", () => {
  it.each([
    ["decided on an old version is decided anew", refusal(409, "Conflict"), soon],
    ["of a run that is gone is no matter", refusal(404, "NotFound"), awaitChange],
  ])("%s", async (_, error, next) => {
    const { runs, jobs, counted, calls, reconcile } = scene({ patch: error });
    runs.remember(aRunObject());
    await reconcile();
    jobs.objects.clear();
    expect(await reconcile()).toEqual(next);
    expect(calls().slice(2)).toEqual(["get ReviewRun", "list Job", "list Pod", "event", "patch"]);
    expect(counted).toEqual([]);
  });

  it("for any other reason is the controller's to try again", async () => {
    const error = refusal(500, "InternalError");
    const { runs, jobs, reconcile } = scene({ patch: error });
    runs.remember(aRunObject());
    await reconcile();
    jobs.objects.clear();
    await expect(reconcile()).rejects.toMatchObject({ kind: "KubeError", operation, cause: error });
  });
});

describe("an event that is refused", () => {
  it("is logged, and the run goes on", async () => {
    const { runs, jobs, log, reconcile } = scene({ patch: patched, event: refusal(403, "Forbidden") });
    runs.remember(aRunObject());
    await reconcile();
    jobs.objects.clear();
    expect(await reconcile()).toEqual(awaitChange);
    expect(log.at(-2)).toContain("event not recorded");
  });

  it("because the program stops ends the reconcile", async () => {
    const { runs, jobs, signal, reconcile } = scene({ patch: patched, event: new Error("aborted") });
    runs.remember(aRunObject());
    await reconcile();
    jobs.objects.clear();
    signal.abort(new Error("leadership is lost"));
    await expect(reconcile()).rejects.toThrow("leadership is lost");
  });
});

describe("a pod that is to end", () => {
  const cancelled = aRunObject({
    spec: { question: "Is it so?", cancel: true },
    status: { phase: "Running", attempts: [{ number: 1, round: 1, jobName: "j", outcome: "Running" }] },
  });

  async function cancel(answer: (pod: Pod) => Answer | Error) {
    const answers: Parameters<typeof scene>[0] = {};
    const set = scene(answers);
    set.runs.remember(aRunObject());
    await set.reconcile();
    const at = "2026-01-01T00:00:00Z";
    const container = { ready: true, restartCount: 0, image: "", imageID: "", state: { running: { startedAt: at } } };
    const status = { phase: "Running" as const, containerStatuses: [{ name: "agent", ...container }] };
    const pod = aPodObject(status, { ownerReferences: [owner(set.jobs.list()[0]?.name)] });
    set.pods.remember(pod);
    answers.patch = answer(pod);
    set.runs.remember(cancelled);
    const next = await set.reconcile();
    return { ...set, next, pod };
  }

  it("has its time limit cut short, that very pod, once", async () => {
    const { asked, calls, pods, reconcile, next, pod } = await cancel(
      (stopped) => (patch: { spec?: object; status?: object }) => {
        if (patch.spec !== undefined) return { ...stopped, spec: { containers: [], ...patch.spec } };
        return { ...cancelled, status: { ...cancelled.status, ...patch.status } };
      },
    );
    expect(asked[2]).toEqual({
      call: "patch",
      body: { metadata: { uid: "pod-uid" }, spec: { activeDeadlineSeconds: 1 } },
    });
    expect(next).toMatchObject({ type: "requeueAfter" });
    expect(pods.get(keyOfPod(pod))?.stopAsked).toBe(true);
    // The run says so.
    const message = "The run was cancelled by spec.cancel. Pod docs-a-run-1-x is ending.";
    expect(asked[3]).toMatchObject({ call: "patch", body: { status: { phase: "Running", message } } });
    await reconcile();
    expect(calls()).toHaveLength(4);
  });

  it("and may not be changed ends with its Job, and the run says so", async () => {
    const { asked, calls, reconcile, next } = await cancel(() => (patch: { spec?: object; status?: object }) => {
      if (patch.spec !== undefined) throw refusal(403, "Forbidden");
      return { ...cancelled, status: { ...cancelled.status, ...patch.status } };
    });
    expect(asked[3]).toMatchObject({ call: "delete", body: { uid: "Job-uid" } });
    expect(asked[4]).toMatchObject({ call: "patch", body: { status: { phase: "Running" } } });
    expect(next).toMatchObject({ type: "requeueAfter" });
    // Its pod is not told to go yet.
    expect(await reconcile()).toEqual({ type: "requeueAfter", milliseconds: 15_000 });
    expect(calls().slice(5)).toEqual(["patch"]);
  });

  it.each([
    ["changed", refusal(409, "Conflict")],
    ["gone", refusal(404, "NotFound")],
  ])("and is %s by then is looked at again", async (_, error) => {
    expect((await cancel(() => error)).next).toEqual(soon);
  });
});

const keyOfPod = ({ metadata }: Pod) => ({ namespace: metadata.namespace ?? "", name: metadata.name });

describe("a run whose time is over", () => {
  const old = aRunObject({
    spec: { retention: { failed: "1s" } },
    status: { phase: "Failed", completionTime: "2025-12-31T00:00:00Z" },
  });

  it("is deleted as it was seen", async () => {
    const { runs, asked, reconcile } = scene();
    runs.remember(old);
    expect(await reconcile()).toEqual(awaitChange);
    expect(asked).toEqual([{ call: "delete", body: { ...key, uid: "run-uid", resourceVersion: "7" } }]);
  });

  it("and that was changed since is looked at again", async () => {
    const { runs, reconcile } = scene({ delete: refusal(409, "Conflict") });
    runs.remember(old);
    expect(await reconcile()).toEqual(soon);
  });
});

it("forgets what it has seen of a run that is gone", async () => {
  const { runs, jobs, calls, reconcile } = scene();
  runs.remember(aRunObject());
  await reconcile();
  runs.objects.clear();
  jobs.objects.clear();
  await reconcile();
  runs.remember(aRunObject());
  await reconcile();
  expect(calls()).toEqual(["create ConfigMap", "create Job", "create ConfigMap", "create Job"]);
});

describe("the network policy of a namespace", () => {
  const networkPolicy = { open: [] };
  const identity = { namespace: "team-a", name: "orchestrator-review-runs", uid: "u", createdAt: 0 };
  const wanted = buildNetworkPolicy({ namespace: "team-a", kind: "ReviewRun", prefix: "review", open: [] });
  const found = (changes: Partial<NetworkPolicy["metadata"]>) => () => ({
    ...wanted,
    metadata: { ...wanted.metadata, ...changes },
  });
  const outdated = { ...identity, resourceVersion: "3", policyHash: "old" };

  it("is made before the first Job there, once", async () => {
    const { runs, jobs, networkPolicies, reconcile, calls } = scene({}, { networkPolicy });
    runs.remember(aRunObject());
    await reconcile();
    expect(calls()).toEqual(["create NetworkPolicy", "create ConfigMap", "create Job"]);
    expect(networkPolicies.list()).toMatchObject([{ namespace: "team-a", name: "orchestrator-review-runs" }]);
    jobs.objects.clear();
    runs.remember(aRunObject({ metadata: { ...aRunObject().metadata, uid: "another" } }));
    await reconcile();
    expect(calls().slice(3)).toEqual(["create ConfigMap", "create Job"]);
  });

  it("may have been made by another run at the same time, and is nobody else's", async () => {
    const met = scene({ "create NetworkPolicy": exists, "get NetworkPolicy": found({}) }, { networkPolicy });
    met.runs.remember(aRunObject());
    await met.reconcile();
    expect(met.calls().slice(2)).toEqual(["create ConfigMap", "create Job"]);
    for (const labels of [{}, { "app.kubernetes.io/managed-by": "orchestrator" }]) {
      const answers = { "create NetworkPolicy": exists, "get NetworkPolicy": found({ labels }), patch: patched };
      const strange = scene(answers, { networkPolicy });
      strange.runs.remember(aRunObject());
      await strange.reconcile();
      expect(strange.counted).toContainEqual(expect.objectContaining({ reason: "NameConflict" }));
    }
  });

  it("that is met with other rules is brought up to date before there is a Job", async () => {
    const old = found({ annotations: { "orchestrator.io/policy-hash": "old" } });
    const answers = { "create NetworkPolicy": exists, "get NetworkPolicy": old };
    const { runs, reconcile, calls } = scene(answers, { networkPolicy });
    runs.remember(aRunObject());
    expect(await reconcile()).toEqual(soon);
    expect(calls()).toEqual(["create NetworkPolicy", "get NetworkPolicy"]);
    await reconcile();
    expect(calls().slice(2)).toEqual(["patch", "create ConfigMap", "create Job"]);
  });

  it("is brought up to date when the settings have changed, guarded by its version", async () => {
    const answers = { patch: (patch: NetworkPolicy) => ({ ...patch, metadata: { ...key, ...patch.metadata } }) };
    const { runs, networkPolicies, asked, reconcile, calls } = scene(answers, { networkPolicy });
    networkPolicies.objects.set("team-a/orchestrator-review-runs", outdated);
    runs.remember(aRunObject());
    await reconcile();
    expect(calls()).toEqual(["patch", "create ConfigMap", "create Job"]);
    expect(asked[0]?.body).toMatchObject({ metadata: { resourceVersion: "3" }, spec: { ingress: [] } });
  });

  it.each([
    ["changed", refusal(409, "Conflict")],
    ["deleted", refusal(404, "NotFound")],
  ])("that is to be brought up to date and was %s just now is looked at again", async (_, error) => {
    const { runs, networkPolicies, reconcile, calls } = scene({ patch: error }, { networkPolicy });
    networkPolicies.objects.set("team-a/orchestrator-review-runs", outdated);
    runs.remember(aRunObject());
    expect(await reconcile()).toEqual(soon);
    expect(calls()).toEqual(["patch"]);
  });

  it("that may not be brought up to date is told as what may not be created", async () => {
    const answers = { patch: refusing(refusal(403, "Forbidden")) };
    const { runs, networkPolicies, asked, clock, reconcile } = scene(answers, { networkPolicy });
    networkPolicies.objects.set("team-a/orchestrator-review-runs", outdated);
    runs.remember(aRunObject());
    expect(await reconcile()).toEqual({ type: "requeueAfter", milliseconds: 15_000 });
    clock.now += 15_000;
    await reconcile();
    const words = "NetworkPolicy orchestrator-review-runs is refused: the server says Forbidden";
    expect(asked.at(-1)?.body).toMatchObject({
      status: { message: expect.stringContaining(words) as unknown, conditions: [{}, { reason: "PodNotCreated" }, {}] },
    });
  });
});
