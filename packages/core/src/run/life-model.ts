import {
  ApiError,
  createLogger,
  type Job,
  type KubernetesObject,
  type Pod,
  type ResourceType,
  type Store,
} from "@orchestrator/controller-runtime";
import { KubeError } from "../errors/kube-error.ts";
import type { RunStatus } from "../api/status.ts";
import { addUsd } from "../prices/cost-usd.ts";
import type { RunEvent } from "./decision.ts";
import { liveJobs } from "./job-handler.ts";
import { costOf, key, LifeCluster, runUid } from "./life-cluster.ts";
import { isSameRound, statusPromises, usagePromises, type Promises } from "./life-promises.ts";
import { describeStep, type OperatorStep, type Step } from "./life-steps.ts";
import { aJob, anObservation, minutes, seconds, startOfRun, attemptSettings } from "./observation-samples.ts";
import { isTerminal, runProjection, type JobView, type PodView, type RunObject, type RunView } from "./observation.ts";
import { planOf, type RunPlan } from "./run-plan.ts";
import { readReport } from "./pod-report.ts";
import { RunReconciler } from "./reconciler.ts";
import { remembering } from "./remembering.ts";
import { reviewHandler } from "./sample-handler.ts";
import type { StatusPatch } from "./status.ts";

const projectRun = runProjection(reviewHandler.defaults);

const limits = {
  timeout: "60s",
  pendingTimeout: "60s",
  deadline: "20m",
  retryConfig: { maxInfrastructureRetries: 2, maxAgentRetries: 1, backoff: { initial: "10s", max: "60s" } },
};
const logger = createLogger({ level: "silent", name: "model" });
const never = new AbortController().signal;
const kinds = ["run", "jobs", "pods"] as const;

interface Caches {
  run: RunView | undefined;
  jobs: Map<string, JobView>;
  pods: Map<string, PodView>;
}

/**
 * A run's life, small enough to be read, in which everything that a real cluster does can happen in any order. The operator in it
 * is the real one but for its caches and its API server, and that API server checks every request against what is promised.
 */
export class LifeModel {
  readonly trace: string[] = [];
  readonly #cluster: LifeCluster;
  readonly #random: () => number;
  readonly #cache: Caches = { run: undefined, jobs: new Map(), pods: new Map() };
  /** What the caches of another process show, which waits for the lease. */
  #standby: Caches = { run: undefined, jobs: new Map(), pods: new Map() };
  #operator: RunReconciler;
  /** Milliseconds until the operator looks again; undefined: it waits for a change. */
  #timer: number | undefined;
  #failure: { after: number; applied: boolean } | undefined;
  /** How often each Job was made, and those that the operator has seen since it started. */
  readonly #made = new Map<string, number>();
  readonly #seen = new Set<string>();
  /** The reconcile in hand has told of a step, and its status has yet to follow. */
  #stepTold = false;
  /** Kept, for the operator takes what its API server throws for an answer. */
  #broken: Error | undefined;
  #costOfPastRounds = costOf(0);

  constructor(options: { random: () => number; spec: Record<string, unknown> }) {
    this.#random = options.random;
    this.#cluster = new LifeCluster({ question: "Is it so?", ...limits, ...options.spec });
    this.#operator = this.#start(this.#listed());
  }

  async take(step: Step): Promise<void> {
    this.trace.push(describeStep(step.step));
    await this.#happen(step);
    if (this.#broken !== undefined) throw this.#broken;
  }

  async #happen({ on, step }: Step): Promise<void> {
    switch (on) {
      case "pod":
        return this.#cluster.befall(step);
      case "user":
        return this.#cluster.obey(step);
      case "cluster":
        return this.#cluster.act(step);
      case "operator":
        return await this.#operate(step);
    }
  }

  async #operate(step: OperatorStep): Promise<void> {
    switch (step.type) {
      case "time passes":
        return await this.#pass(step.seconds * 1000);
      case "watch catches up":
        return await this.#catchUp(step.kind);
      case "watch tells the run's next version":
        return await this.#follow();
      case "request fails":
        this.#failure = { after: step.after, applied: step.applied };
        return;
      case "operator restarts":
        this.#operator = this.#start(this.#listed());
        return await this.#reconcile();
      case "standby catches up":
        this.#standby = this.#listed();
        return;
      case "standby leads":
        this.#operator = this.#start(this.#standby);
        return await this.#reconcile();
    }
  }

  /** From here on nothing unusual happens: the run has to end, and then to rest. */
  async finish(): Promise<void> {
    this.trace.push("-- from here on all goes well --");
    this.#cluster.quota = false;
    this.#failure = undefined;
    for (let turn = 0; turn < 400; turn++) {
      this.#cluster.control();
      for (const kind of kinds) await this.#catchUp(kind);
      if (this.#broken !== undefined) throw this.#broken;
      if (this.#cluster.run === undefined || this.#isAtRest()) return;
      if (!this.#playOn()) await this.#pass(this.#timer ?? 0);
    }
    throw this.#breach("a run ends when all goes well");
  }

  #isAtRest(): boolean {
    const { status, jobs, pods } = this.#cluster;
    return isTerminal(status) && this.#timer === undefined && !mayWork({ jobs, pods });
  }

  /** The next thing that would happen to a pod where all goes well; false when nothing would. */
  #playOn(): boolean {
    const cluster = this.#cluster;
    const pod = [...cluster.pods.values()].find(({ ended }) => !ended);
    if (pod === undefined) return false;
    if (pod.deletion !== undefined || pod.stopAsked) cluster.endPod(pod, { end: "without a word", knowsRound: true });
    else if (pod.agent.type === "absent") cluster.startAgent(pod);
    else cluster.endPod(pod, { end: "Delivered", knowsRound: true });
    return true;
  }

  // The operator.

  #listed(): Caches {
    const { run, jobs, pods } = this.#cluster;
    return { run: run && projectRun(run), jobs: new Map(jobs), pods: new Map(pods) };
  }

  #start(caches: Caches): RunReconciler {
    this.#seen.clear();
    this.#timer = 0;
    const { jobs, pods } = this.#cache;
    this.#cache.run = caches.run;
    copyAll(caches.jobs, jobs);
    copyAll(caches.pods, pods);
    const { jobs: realJobs, pods: realPods } = this.#cluster;
    const operator = new RunReconciler({
      handler: reviewHandler as never,
      client: {
        create: (type, object) => this.#request(() => this.#create(type, object)),
        get: (type, { name }) =>
          this.#request(() => (type.kind === "Job" || type.kind === "ConfigMap" ? owned(name) : this.#get())),
        list: (type) => this.#request(() => this.#list(type)),
        patch: (type, { name }, patch) => this.#request(() => this.#patch(type, name, patch)),
        delete: (type, { name }, options) => this.#request(() => this.#delete(type, name, options)),
      },
      runs: store<RunView, RunObject>(
        () => (this.#cache.run === undefined ? [] : [this.#cache.run]),
        () => void this.#copy("run"),
      ),
      jobs: store<JobView, Job>(
        () => [...jobs.values()],
        (name) => copyOne(realJobs, jobs, name),
      ),
      pods: store<PodView, Pod>(
        () => [...pods.values()],
        (name) => copyOne(realPods, pods, name),
      ),
      events: { record: (_, event) => this.#request(() => this.#hear(event as RunEvent)) },
      enqueue: () => undefined,
      settings: {
        attempt: attemptSettings,
        waitingNoticeAfterMs: 10 * seconds,
      },
      now: () => this.#cluster.now,
      random: this.#random,
      logger,
      metrics: { attemptEnded: () => undefined, roundEnded: () => undefined },
    });
    operator.inherit(this.#cluster.history.at(-1)?.metadata.resourceVersion ?? "0");
    return operator;
  }

  /** Brings a cache up to date, and tells whether it was not. */
  #copy(kind: (typeof kinds)[number]): boolean {
    const { run, jobs, pods } = this.#cache;
    const cluster = this.#cluster;
    switch (kind) {
      case "run":
        this.#cache.run = cluster.run && projectRun(cluster.run);
        return run?.resourceVersion !== this.#cache.run?.resourceVersion;
      case "jobs":
        return copyAll(cluster.jobs, jobs);
      case "pods":
        return copyAll(cluster.pods, pods);
    }
  }

  async #catchUp(kind: (typeof kinds)[number]): Promise<void> {
    if (this.#copy(kind)) await this.#reconcile();
  }

  async #follow(): Promise<void> {
    const seen = Number(this.#cache.run?.resourceVersion ?? 0);
    const next = this.#cluster.history.find(({ metadata }) => Number(metadata.resourceVersion) > seen);
    if (next === undefined) return;
    this.#cache.run = projectRun(next);
    await this.#reconcile();
  }

  /** A clock that is set back delays no timer. */
  async #pass(milliseconds: number): Promise<void> {
    this.#cluster.now += milliseconds;
    if (this.#timer === undefined || milliseconds < 0) return;
    this.#timer -= milliseconds;
    if (this.#timer <= 0) await this.#reconcile();
  }

  async #reconcile(): Promise<void> {
    this.#stepTold = false;
    this.#timer = undefined;
    for (const name of this.#cache.jobs.keys()) this.#seen.add(name);
    try {
      const next = await this.#operator.reconcile(key, never);
      this.#timer = next.type === "requeueAfter" ? next.milliseconds : undefined;
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      this.trace.push(`  the operator fails: ${error.message}`);
      this.#timer = seconds;
    }
    this.#keep({
      "a run for which something is due is woken": this.#timer !== undefined || this.#mayRest(),
      "a round is looked at when its deadline is over": this.#mayRest() || this.#isInTime(),
    });
  }

  /** A clock that was set back when the round began may make it late by as much. */
  #isInTime(): boolean {
    const { now } = this.#cluster;
    const { status } = this.#cache.run ?? { status: { phase: "Pending" } };
    const deadline = this.#deadline(status);
    const late = 60 * seconds;
    return isTerminal(status) || deadline <= now || now + (this.#timer ?? 0) <= deadline + late;
  }

  /** As far as the operator can know: the run is gone, or it has ended and neither a round nor its deletion is due. */
  #mayRest(): boolean {
    const { run } = this.#cache;
    if (run === undefined || this.#cluster.run === undefined) return true;
    const { cancel, contextVersion, retention } = run.plan;
    const { phase, round = 1 } = run.status;
    const kept = phase === "Succeeded" ? retention.succeededMs : retention.failedMs;
    return isTerminal(run.status) && (cancel || contextVersion <= round) && kept === undefined;
  }

  /** As the operator knows it. */
  get #plan(): RunPlan {
    return this.#cache.run?.plan ?? planOf(undefined, reviewHandler.defaults);
  }

  // The API server, which checks what it is asked for.

  async #request<T>(handle: () => unknown): Promise<T> {
    const failure = this.#failure;
    if (failure !== undefined) this.#failure = failure.after > 0 ? { ...failure, after: failure.after - 1 } : undefined;
    const fails = failure?.after === 0;
    const answer = fails && !failure.applied ? undefined : handle();
    if (fails) throw new ApiError({ status: 500, reason: "InternalError", message: "the connection broke" });
    const { kind, metadata } = (answer ?? {}) as Partial<KubernetesObject>;
    if (kind === "Job") this.#seen.add(metadata?.name ?? "");
    return answer as T;
  }

  #list(type: ResourceType) {
    this.trace.push(`  looks for ${type.kind}s`);
    if (type.kind === "Event") return { items: [], resourceVersion: "0" };
    const all: Iterable<{ name: string }> =
      type.kind === "Job" ? this.#cluster.jobs.values() : this.#cluster.pods.values();
    return { items: [...all].map(({ name }) => ({ kind: type.kind, metadata: { name } })), resourceVersion: "0" };
  }

  #get(): KubernetesObject {
    const { run } = this.#cluster;
    if (run === undefined) throw new ApiError({ status: 404, reason: "NotFound", message: "not found" });
    return run;
  }

  #create(type: ResourceType, object: KubernetesObject): KubernetesObject {
    const { name, labels } = object.metadata;
    this.trace.push(`  creates ${type.kind} ${short(name)}`);
    if (type.kind !== "Job") return object;
    if (this.#cluster.quota) throw new ApiError({ status: 403, reason: "Forbidden", message: "exceeded quota" });
    if (this.#cluster.jobs.has(name)) throw new ApiError({ status: 409, reason: "AlreadyExists", message: "exists" });
    this.#checkNewJob(name);
    const made = this.#made.get(name) ?? 0;
    this.#made.set(name, made + 1);
    const uid = `${name}-${made}`;
    const round = Number(labels?.["orchestrator.io/round"]);
    this.#cluster.jobs.set(name, aJob({ name, uid, round, createdAt: this.#cluster.now }));
    return { ...object, metadata: { ...object.metadata, uid } };
  }

  #checkNewJob(name: string): void {
    const { status, now } = this.#cluster;
    const { suspend, cancel } = this.#plan;
    const listed = status.attempts?.some(({ jobName }) => jobName === name) === true;
    // A Job that was deleted before anybody saw it, or anything was written of it, has left no trace.
    const unknown = !listed && !this.#seen.has(name);
    this.#keep({
      "an attempt has one Job": !this.#made.has(name) || unknown,
      "a run that has ended makes no Job": !isTerminal(status),
      "a run that is held or cancelled makes no Job": !suspend && !cancel,
      "an attempt waits until it is due": now >= (Date.parse(status.nextAttemptAt ?? "") || 0),
      "no attempt starts while an old one may still run": !mayWork(this.#cluster),
    });
  }

  #patch(type: ResourceType, name: string, patch: unknown): KubernetesObject {
    if (type.kind === "Pod") return this.#stop(name);
    const { run, status: before } = this.#cluster;
    if (run === undefined) throw new ApiError({ status: 404, reason: "NotFound", message: "not found" });
    const { metadata, status } = patch as { metadata: { resourceVersion: string }; status: StatusPatch };
    this.#guard(metadata.resourceVersion);
    const after = merged(before, status) as RunStatus;
    this.trace.push(`  status ${after.phase}: ${after.message ?? ""}`);
    this.#checkStatus(before, after);
    this.#stepTold = false;
    return this.#cluster.writeStatus(after);
  }

  #guard(resourceVersion: string | undefined): void {
    if (resourceVersion === this.#cluster.run?.metadata.resourceVersion) return;
    this.trace.push("  writes on an old version");
    throw new ApiError({ status: 409, reason: "Conflict", message: "the object has been modified" });
  }

  #checkStatus(before: RunStatus, after: RunStatus): void {
    this.#keep(statusPromises(before, after, this.#plan, this.#deadline(after)));
    if (isSameRound(before, after)) this.#keep(usagePromises(before, after, this.#told(before, after)));
    else {
      this.#costOfPastRounds = addUsd([this.#costOfPastRounds, before.usage?.costUsd ?? costOf(0)]);
      this.#keep({ "a round begins with no usage": after.usage === undefined });
    }
    const total = addUsd([this.#costOfPastRounds, after.usage?.costUsd ?? costOf(0)]);
    this.#keep({ "the total is the sum over all rounds": (after.totalCostUsd ?? costOf(0)) === total });
  }

  /** What the gateway of the attempt that ends with this write has reported, as far as the operator has seen it. */
  #told(before: RunStatus, after: RunStatus) {
    const over = (status: RunStatus) => (status.attempts ?? []).filter(({ outcome }) => outcome !== "Running");
    const ended = over(after).find(({ number }) => !over(before).some((old) => old.number === number));
    const pod = [...this.#cache.pods.values()].find(({ jobName }) => jobName === ended?.jobName);
    return pod?.ended === true ? readReport(pod).gateway : undefined;
  }

  #deadline({ startTime }: RunStatus): number {
    return (Date.parse(startTime ?? "") || startOfRun) + 20 * minutes;
  }

  #stop(name: string): KubernetesObject {
    this.trace.push(`  tells pod ${short(name)} to end`);
    const { now, status, pods } = this.#cluster;
    this.#keep({
      "a pod is told to end for a cancel or a deadline": this.#plan.cancel || now >= this.#deadline(status),
      "a pod is told to end once": this.#cache.pods.get(name)?.stopAsked === false,
    });
    const pod = pods.get(name);
    if (pod === undefined) throw new ApiError({ status: 404, reason: "NotFound", message: "not found" });
    this.#cluster.put(pod, { stopAsked: true });
    return { apiVersion: "v1", kind: "Pod", metadata: { name } };
  }

  #delete(type: ResourceType, name: string, options: { resourceVersion?: string | undefined }): void {
    if (type.kind === "Job") return this.#deleteJob(name);
    this.trace.push("  deletes the run");
    this.#guard(options.resourceVersion);
    const { status, now } = this.#cluster;
    const { succeededMs, failedMs } = this.#plan.retention;
    const kept = status.phase === "Succeeded" ? succeededMs : failedMs;
    const over = kept !== undefined && now >= Date.parse(status.completionTime ?? "") + kept;
    this.#keep({ "a run is kept until it has ended, and then as long as it says": isTerminal(status) && over });
    this.#cluster.run = undefined;
  }

  #deleteJob(name: string): void {
    this.trace.push(`  deletes Job ${short(name)}`);
    const { status, jobs } = this.#cluster;
    const attempt = status.attempts?.find(({ jobName }) => jobName === name);
    const over = isTerminal(status) || (attempt !== undefined && attempt.outcome !== "Running");
    const rounds = [...jobs.values()].map(({ round }) => round);
    const older = (jobs.get(name)?.round ?? 0) < Math.max(status.round ?? 1, ...rounds);
    this.#keep({ "a Job is deleted when its attempt or its round is over": over || older });
    jobs.delete(name);
  }

  #hear({ reason, note }: RunEvent): void {
    this.trace.push(`  event ${reason}: ${note}`);
    this.#keep({ "a step is told once before its status": !this.#stepTold });
    this.#stepTold = true;
  }

  #keep(promises: Promises): void {
    for (const [promise, holds] of Object.entries(promises)) if (!holds) throw this.#breach(promise);
  }

  #breach(promise: string): Error {
    this.#broken ??= new Error(`broken: ${promise}\n${this.trace.join("\n")}`);
    return this.#broken;
  }
}

function short(name: string): string {
  return name.slice(-6);
}

function mayWork({ jobs, pods }: Pick<Caches, "jobs"> & { pods: ReadonlyMap<string, PodView> }): boolean {
  const others = { jobs: [...jobs.values()], pods: [...pods.values()] };
  return others.pods.some(({ ended }) => !ended) || liveJobs(anObservation({ others })).length > 0;
}

function store<P extends { namespace: string; name: string }, T extends KubernetesObject>(
  list: () => P[],
  remember: (name: string) => void,
): Store<P, T> {
  return {
    get: () => list()[0],
    list,
    byIndex: list,
    ...remembering<T>(({ metadata }) => remember(metadata.name)),
  };
}

function copyOne<T>(from: ReadonlyMap<string, T>, to: Map<string, T>, name: string): void {
  const value = from.get(name);
  if (value !== undefined) to.set(name, value);
}

/** Makes one map like the other, and tells whether it was not. */
function copyAll<T>(from: ReadonlyMap<string, T>, to: Map<string, T>): boolean {
  const same = from.size === to.size && [...from].every(([name, value]) => to.get(name) === value);
  to.clear();
  for (const [name, value] of from) to.set(name, value);
  return !same;
}

function owned(name: string): KubernetesObject {
  const owner = { apiVersion: "orchestrator.io/v1", kind: "ReviewRun", name: key.name, uid: runUid, controller: true };
  return { apiVersion: "batch/v1", kind: "Job", metadata: { ...key, name, ownerReferences: [owner] } };
}

/** A JSON merge patch (RFC 7396). */
function merged(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merged(result[name], value);
  }
  return result;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
