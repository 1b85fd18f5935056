import {
  ApiError,
  createLogger,
  type Job,
  type KubernetesObject,
  type NetworkPolicy,
  type ObjectKey,
  type Pod,
  type Store,
} from "@orchestrator/controller-runtime";
import { describe, expect, it } from "vitest";
import type { DecideSettings } from "./decision.ts";
import { aPodObject, startOfRun } from "./observation-samples.ts";
import {
  type JobView,
  type NetworkPolicyView,
  type PodView,
  projectJob,
  projectNetworkPolicy,
  projectPod,
  projectRun,
  type RunObject,
  type RunView,
} from "./observation.ts";
import { RunReconciler } from "./reconciler.ts";
import { reviewHandler } from "./sample-handler.ts";

const key = { namespace: "team-a", name: "a-run" };
const awaitChange = { type: "awaitChange" };
const soon = { type: "requeueAfter", milliseconds: 500 };

class FakeStore<P extends { namespace: string; name: string; runUid?: string }, T extends KubernetesObject>
  implements Store<P, T>
{
  readonly objects = new Map<string, P>();
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

  byIndex(_: string, value: string): P[] {
    return this.list().filter((view) => view.runUid === value);
  }

  remember(object: T): void {
    const view = this.#project(object);
    this.objects.set(`${view.namespace}/${view.name}`, view);
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
  | "create NetworkPolicy"
  | "get NetworkPolicy"
  | "create ConfigMap"
  | "create Job"
  | "get ConfigMap"
  | "get Job"
  | "patch"
  | "delete"
  | "event";

/** A reconciler whose caches and API server are the test's. An answer that is an Error is thrown. */
function scene(answers: Partial<Record<Call, Answer | Error>> = {}, settings: Partial<DecideSettings> = {}) {
  const asked: { call: Call; body: unknown }[] = [];
  const runs = new FakeStore<RunView, RunObject>(projectRun);
  const jobs = new FakeStore<JobView, Job>(projectJob);
  const pods = new FakeStore<PodView, Pod>(projectPod);
  const networkPolicies = new FakeStore<NetworkPolicyView, NetworkPolicy>(projectNetworkPolicy);
  const counted: unknown[] = [];
  const log: string[] = [];
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
      get: (type, wanted) => ask(`get ${type.kind}` as Call, { kind: type.kind, metadata: wanted }),
      patch: (_, __, patch) => ask("patch", patch),
      delete: (_, wanted, { uid, resourceVersion }) =>
        ask("delete", { ...wanted, uid, ...(resourceVersion !== undefined && { resourceVersion }) }),
    },
    runs,
    jobs,
    pods,
    networkPolicies,
    events: { record: (_, event) => ask("event", event) },
    settings: {
      attempt: { agentImage: "agent:1", modelBaseUrl: "https://model.example", modelSecretName: "model" },
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
  const reconcile = () => reconciler.reconcile(key, signal.signal);
  const calls = () => asked.map(({ call }) => call);
  return { runs, jobs, pods, networkPolicies, asked, calls, counted, log, clock, signal, reconcile };
}

function refusal(status: number, reason: string, details?: unknown): ApiError {
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

  it("guards a status by the version it was decided on, and counts the ending", async () => {
    const { runs, jobs, pods, asked, counted, reconcile, calls } = scene({ patch: patched });
    runs.remember(aRunObject());
    await reconcile();
    const [job] = jobs.list();
    const pod = aPodObject({ phase: "Failed" }, { ownerReferences: [owner(job?.name)] });
    pods.remember(pod);
    await reconcile();
    expect(calls().slice(2)).toEqual(["patch", "event"]);
    expect(asked[2]?.body).toMatchObject({ metadata: { resourceVersion: "7" }, status: { phase: "Failed" } });
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
    expect(asked[2]?.body).toMatchObject({ status: { attempts: [{ reason: "AgentTimedOut" }] } });
  });

  it("ends a run whose Job this process has seen go", async () => {
    const { runs, jobs, asked, reconcile } = scene({ patch: patched });
    runs.remember(aRunObject());
    await reconcile();
    jobs.objects.clear();
    await reconcile();
    expect(asked[2]?.body).toMatchObject({ status: { conditions: [{}, { reason: "JobDeleted" }, {}] } });
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
    runs.remember(aRunObject({ status: { phase: "Failed" } }));
    await reconcile();
    const job = jobs.list()[0];
    expect(asked[2]).toEqual({ call: "delete", body: { namespace: "team-a", name: job?.name, uid: "Job-uid" } });
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
    expect(calls().slice(-2)).toEqual(["patch", "event"]);
    expect(asked.at(-2)?.body).toMatchObject({
      status: { phase: "Failed", conditions: [{}, { reason: "NameConflict" }, {}] },
    });
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
      expect(asked.at(-2)?.body).toMatchObject({
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
      await expect(reconcile()).rejects.toBe(error);
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
    expect(calls().slice(2)).toEqual(["patch"]);
    expect(counted).toEqual([]);
  });

  it("for any other reason is the controller's to try again", async () => {
    const error = refusal(500, "InternalError");
    const { runs, jobs, reconcile } = scene({ patch: error });
    runs.remember(aRunObject());
    await reconcile();
    jobs.objects.clear();
    await expect(reconcile()).rejects.toBe(error);
  });
});

describe("an event that is refused", () => {
  it("is logged, and the run goes on", async () => {
    const { runs, jobs, log, reconcile } = scene({ patch: patched, event: refusal(403, "Forbidden") });
    runs.remember(aRunObject());
    await reconcile();
    jobs.objects.clear();
    expect(await reconcile()).toEqual(awaitChange);
    expect(log.at(-1)).toContain("event not recorded");
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

  async function cancel(answer: Answer | Error) {
    const set = scene({ patch: answer });
    set.runs.remember(aRunObject());
    await set.reconcile();
    const at = "2026-01-01T00:00:00Z";
    const container = { ready: true, restartCount: 0, image: "", imageID: "", state: { running: { startedAt: at } } };
    const status = { phase: "Running" as const, containerStatuses: [{ name: "agent", ...container }] };
    const pod = aPodObject(status, { ownerReferences: [owner(set.jobs.list()[0]?.name)] });
    set.pods.remember(pod);
    set.runs.remember(cancelled);
    const next = await set.reconcile();
    return { ...set, next, pod };
  }

  it("has its time limit cut short, that very pod, once", async () => {
    const { asked, calls, pods, reconcile, next, pod } = await cancel((patch: { spec: object }) => ({
      ...pod0,
      spec: { containers: [], ...patch.spec },
    }));
    expect(asked[2]).toEqual({
      call: "patch",
      body: { metadata: { uid: "pod-uid" }, spec: { activeDeadlineSeconds: 1 } },
    });
    expect(next).toMatchObject({ type: "requeueAfter" });
    expect(pods.get(keyOfPod(pod))?.stopAsked).toBe(true);
    await reconcile();
    expect(calls()).toHaveLength(3);
  });

  it.each([
    ["changed", refusal(409, "Conflict"), soon],
    ["gone", refusal(404, "NotFound"), awaitChange],
  ])("and is %s by then is looked at again", async (_, error, expected) => {
    expect((await cancel(error)).next).toEqual(expected);
  });
});

const pod0 = aPodObject({ phase: "Running" });
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
    const found =
      (labels: Record<string, string>): Answer =>
      (wanted: KubernetesObject) => ({
        ...wanted,
        metadata: { ...wanted.metadata, labels },
      });
    const own = found({ "app.kubernetes.io/managed-by": "orchestrator" });
    const met = scene({ "create NetworkPolicy": exists, "get NetworkPolicy": own }, { networkPolicy });
    met.runs.remember(aRunObject());
    await met.reconcile();
    expect(met.calls().slice(2)).toEqual(["create ConfigMap", "create Job"]);
    const answers = { "create NetworkPolicy": exists, "get NetworkPolicy": found({}), patch: patched };
    const strange = scene(answers, { networkPolicy });
    strange.runs.remember(aRunObject());
    await strange.reconcile();
    expect(strange.counted).toContain("NameConflict");
  });

  it("is brought up to date when the settings have changed, guarded by its version", async () => {
    const answers = { patch: (patch: NetworkPolicy) => ({ ...patch, metadata: { ...key, ...patch.metadata } }) };
    const { runs, networkPolicies, asked, reconcile, calls } = scene(answers, { networkPolicy });
    const view = { namespace: "team-a", name: "orchestrator-review-runs", uid: "u", createdAt: 0 };
    networkPolicies.objects.set("team-a/orchestrator-review-runs", {
      ...view,
      resourceVersion: "3",
      policyHash: "old",
    });
    runs.remember(aRunObject());
    await reconcile();
    expect(calls()).toEqual(["patch", "create ConfigMap", "create Job"]);
    expect(asked[0]?.body).toMatchObject({ metadata: { resourceVersion: "3" }, spec: { ingress: [] } });
  });
});
