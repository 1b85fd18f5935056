import {
  ApiError,
  createLogger,
  type Job,
  type KubernetesObject,
  type PersistentVolumeClaim,
  type Pod,
  type ResourceType,
} from "@orchestrator/controller-runtime";
import type { RunStatus } from "../api/status.ts";
import { KubeError } from "../errors/kube-error.ts";
import { liveAmong } from "./job-handler.ts";
import { key, LifeCluster } from "./life-cluster.ts";
import { describeStep, type OperatorStep, type PodStep, type UserStep } from "./life-steps.ts";
import { workspaceClaimName } from "./names.ts";
import { aJob, attemptSettings, seconds } from "./observation-samples.ts";
import { isTerminal, type JobView, type PodView, runProjection, type RunObject, type RunView } from "./observation.ts";
import { byRun, RunReconciler } from "./reconciler.ts";
import { remembering } from "./remembering.ts";
import { reviewHandler } from "./sample-handler.ts";
import type { StatusPatch } from "./status.ts";
import { type ClaimView, projectClaim } from "./workspace.ts";

const projectRun = runProjection(reviewHandler.defaults);

export type TurnsStep =
  | { on: "pod"; run: number; step: PodStep }
  | { on: "user"; run: number; step: UserStep }
  | {
      on: "cluster";
      step: { type: "controllers act" } | { type: "run is deleted"; run: number } | { type: "claim is deleted" };
    }
  | { on: "operator"; step: TurnsOperatorStep };
type TurnsOperatorStep =
  | Exclude<OperatorStep, { type: "watch catches up" | "watch tells the run's next version" }>
  | { type: "watch catches up"; kind: Kind }
  /** What happens before a request is answered. */
  | { type: "request takes long"; after: number; meanwhile: TurnsStep[] };

const kinds = ["runs", "jobs", "pods", "claim"] as const;
export type Kind = (typeof kinds)[number];

interface Caches {
  runs: readonly RunView[];
  jobs: readonly JobView[];
  pods: readonly PodView[];
  claim: ClaimView | undefined;
}

const spec = {
  question: "Is it so?",
  serviceName: "greeter",
  workspace: { size: "1Gi" },
  timeout: "60s",
  pendingTimeout: "60s",
  deadline: "720h",
  retryConfig: { maxInfrastructureRetries: 2, maxAgentRetries: 1, backoff: { initial: "10s", max: "60s" } },
};
const logger = createLogger({ level: "silent", name: "model" });
const never = new AbortController().signal;

/**
 * Several runs of one service that share a workspace, on the real operator but for its caches and its API server, which checks
 * that no two of them ever work there at once.
 */
export class TurnsModel {
  readonly trace: string[] = [];
  readonly #lives: ReadonlyMap<string, LifeCluster>;
  #claim: PersistentVolumeClaim | undefined;
  readonly #versions = { newest: 0 };
  readonly #runs = new Map<string, RunView>();
  readonly #jobs = new Map<string, JobView>();
  readonly #pods = new Map<string, PodView>();
  #claimSeen: ClaimView | undefined;
  /** What the caches of another process show, which waits for the lease. */
  #standby: Caches = { runs: [], jobs: [], pods: [], claim: undefined };
  readonly #random: () => number;
  #operator: RunReconciler;
  /** Milliseconds until the operator looks at a run again; absent: it waits for a change. */
  readonly #timers = new Map<string, number>();
  #failure: { after: number; applied: boolean } | undefined;
  #delay: { after: number; meanwhile: TurnsStep[] } | undefined;
  /** Names of the runs that are reconciled, and of those that are to be again. */
  readonly #inHand = new Set<string>();
  readonly #again = new Set<string>();
  /** Kept, for the operator takes what its API server throws for an answer. */
  #broken: Error | undefined;

  constructor({ runs, random }: { runs: number; random: () => number }) {
    this.#random = random;
    const names = Array.from({ length: runs }, (_, index) => nameOf(index));
    const versions = this.#versions;
    this.#lives = new Map(names.map((name) => [name, new LifeCluster(spec, { name, uid: uidOf(name), versions })]));
    this.#operator = this.#start(this.#listed());
  }

  async take(taken: TurnsStep): Promise<void> {
    const name = "run" in taken ? nameOf(taken.run) : "";
    this.trace.push(`${name} ${describeStep(taken.step)}`);
    await this.#happen(name, taken);
    if (this.#broken !== undefined) throw this.#broken;
  }

  async #meanwhile(taken: TurnsStep): Promise<void> {
    const name = "run" in taken ? nameOf(taken.run) : "";
    this.trace.push(`    meanwhile ${name} ${describeStep(taken.step)}`);
    await this.#happen(name, taken);
  }

  async #happen(name: string, taken: TurnsStep): Promise<void> {
    switch (taken.on) {
      case "pod":
        return this.#lives.get(name)?.befall(taken.step);
      case "user":
        return this.#lives.get(name)?.obey(taken.step);
      case "cluster":
        return this.#act(taken.step);
      case "operator":
        return await this.#operate(taken.step);
    }
  }

  #act(step: Extract<TurnsStep, { on: "cluster" }>["step"]): void {
    const life = step.type === "run is deleted" ? this.#lives.get(nameOf(step.run)) : undefined;
    if (life !== undefined) life.run = undefined;
    if (step.type === "claim is deleted" && this.#claim !== undefined) {
      this.#claim.metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
    }
    this.#control();
  }

  async #operate(step: TurnsOperatorStep): Promise<void> {
    switch (step.type) {
      case "operator restarts":
        this.#operator = this.#start(this.#listed());
        return await this.#reconcileAll();
      case "standby catches up":
        this.#standby = this.#listed();
        return;
      case "standby leads":
        this.#operator = this.#start(this.#standby);
        return await this.#reconcileAll();
      case "time passes":
        return await this.#pass(step.seconds * 1000);
      case "watch catches up":
        return await this.#catchUp(step.kind);
      case "request fails":
        this.#failure = { after: step.after, applied: step.applied };
        return;
      case "request takes long":
        this.#delay = { after: step.after, meanwhile: step.meanwhile };
    }
  }

  /** From here on nothing unusual happens, and nobody holds a run: each has to get its turn, and end. */
  async finish(): Promise<void> {
    this.trace.push("-- from here on all goes well --");
    this.#failure = undefined;
    this.#delay = undefined;
    for (const life of this.#lives.values()) life.obey({ type: "user edits", spec: { suspend: false } });
    for (let turn = 0; turn < 200; turn++) {
      this.#control();
      for (const kind of kinds) await this.#catchUp(kind);
      if (this.#broken !== undefined) throw this.#broken;
      if (this.#isAtRest()) return;
      if (!this.#playOn()) await this.#pass(Math.min(...this.#timers.values(), 60 * seconds));
    }
    throw this.#breach("every run gets its turn");
  }

  #isAtRest(): boolean {
    const over = [...this.#lives.values()].every(({ run, status }) => run === undefined || isTerminal(status));
    return over && this.#timers.size === 0 && this.#real("pods").every(({ ended }) => ended);
  }

  #playOn(): boolean {
    for (const life of this.#lives.values()) {
      const pod = [...life.pods.values()].find(({ ended }) => !ended);
      if (pod === undefined) continue;
      if (pod.deletion !== undefined || pod.stopAsked) life.endPod(pod, { end: "without a word", knowsRound: true });
      else if (pod.agent.type === "absent") life.startAgent(pod);
      else life.endPod(pod, { end: "Delivered", knowsRound: true });
      return true;
    }
    return false;
  }

  #real<K extends "jobs" | "pods">(kind: K): (K extends "jobs" ? JobView : PodView)[] {
    return [...this.#lives.values()].flatMap((life) => [...life[kind].values()]) as never;
  }

  /** The Job controller, the garbage collector, and what keeps a claim that is in use. */
  #control(): void {
    for (const life of this.#lives.values()) {
      if (life.run === undefined) life.jobs.clear();
      life.control();
    }
    const inUse = this.#real("pods").some(({ ended }) => !ended);
    if (this.#claim?.metadata.deletionTimestamp !== undefined && !inUse) this.#claim = undefined;
  }

  // The operator.

  #listed(): Caches {
    const runs = [...this.#lives.values()].flatMap(({ run }) => (run === undefined ? [] : [projectRun(run)]));
    return {
      runs,
      jobs: this.#real("jobs"),
      pods: this.#real("pods"),
      claim: this.#claim && projectClaim(this.#claim),
    };
  }

  #start(caches: Caches): RunReconciler {
    for (const kind of kinds) this.#copy(kind, caches);
    const get = <P>(cache: ReadonlyMap<string, P>) => ({
      get: ({ name }: { name: string }) => cache.get(name),
      list: () => [...cache.values()],
    });
    const owned = <P extends { runUid: string }>(cache: ReadonlyMap<string, P>) => ({
      ...get(cache),
      byIndex: (index: string, value: string) =>
        [...cache.values()].filter(({ runUid }) => index !== byRun || runUid === value),
    });
    const operator = new RunReconciler({
      handler: reviewHandler as never,
      client: {
        create: (type, object) => this.#request(() => this.#create(type, object)),
        get: (type, { name }) => this.#request(() => this.#get(type, name)),
        list: (type, { labelSelector }) => this.#request(() => this.#list(type, labelSelector)) as never,
        patch: (type, { name }, patch) => this.#request(() => this.#patch(type, name, patch)),
        delete: (type, { name }) => this.#request(() => this.#delete(type, name)),
      },
      runs: {
        ...get(this.#runs),
        byIndex: () => [...this.#runs.values()].filter(({ status }) => !isTerminal(status)),
        ...remembering<RunObject>((run) => void this.#runs.set(run.metadata.name, projectRun(run))),
      },
      jobs: { ...owned(this.#jobs), ...remembering<Job>(({ metadata }) => this.#rememberJob(metadata.name)) },
      pods: { ...owned(this.#pods), ...remembering<Pod>(({ metadata }) => this.#rememberPod(metadata.name)) },
      claims: {
        get: () => this.#claimSeen,
        list: () => [],
        byIndex: () => [],
        ...remembering<PersistentVolumeClaim>((claim) => void (this.#claimSeen = projectClaim(claim))),
      },
      events: { record: async () => undefined },
      enqueue: () => undefined,
      settings: { attempt: attemptSettings, waitingNoticeAfterMs: 10 * seconds },
      now: () => this.#now,
      random: this.#random,
      logger,
      metrics: { attemptEnded: () => undefined, roundEnded: () => undefined },
    });
    operator.inherit(String(this.#versions.newest));
    return operator;
  }

  get #now(): number {
    return this.#lives.get(nameOf(0))?.now ?? 0;
  }

  #rememberPod(name: string): void {
    const pod = this.#real("pods").find((candidate) => candidate.name === name);
    if (pod !== undefined) this.#pods.set(name, pod);
  }

  #rememberJob(name: string): void {
    const job = this.#real("jobs").find((candidate) => candidate.name === name);
    if (job !== undefined) this.#jobs.set(name, job);
  }

  /** Makes a cache show what is there, or what another's showed, and tells whether it did not. */
  #copy(kind: Kind, { runs, jobs, pods, claim } = this.#listed()): boolean {
    switch (kind) {
      case "runs":
        return copy(runs, this.#runs, (a, b) => a.resourceVersion === b.resourceVersion);
      case "jobs":
        return copy(jobs, this.#jobs, Object.is);
      case "pods":
        return copy(pods, this.#pods, Object.is);
      case "claim": {
        const before = JSON.stringify(this.#claimSeen);
        this.#claimSeen = claim;
        return before !== JSON.stringify(this.#claimSeen);
      }
    }
  }

  /** A change wakes all that wait, as the operator's own wiring does. */
  async #catchUp(kind: Kind): Promise<void> {
    if (this.#copy(kind)) await this.#reconcileAll();
  }

  async #pass(milliseconds: number): Promise<void> {
    for (const life of this.#lives.values()) life.now += milliseconds;
    const due = [...this.#timers].map(([name, left]) => [name, left - milliseconds] as const);
    for (const [name, left] of due) this.#timers.set(name, left);
    for (const [name, left] of due) if (left <= 0) await this.#reconcile(name);
  }

  async #reconcileAll(): Promise<void> {
    for (const name of this.#lives.keys()) await this.#reconcile(name);
  }

  async #reconcile(name: string): Promise<void> {
    this.#again.add(name);
    if (this.#inHand.has(name)) return;
    this.#inHand.add(name);
    while (this.#again.delete(name)) await this.#reconcileOnce(name);
    this.#inHand.delete(name);
  }

  async #reconcileOnce(name: string): Promise<void> {
    this.#timers.delete(name);
    try {
      const next = await this.#operator.reconcile({ ...key, name }, never);
      if (next.type === "requeueAfter") this.#timers.set(name, next.milliseconds);
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      this.trace.push(`  the operator fails: ${error.message}`);
      this.#timers.set(name, seconds);
    }
  }

  // The API server, which checks what it is asked for.

  async #request<T>(handle: () => unknown): Promise<T> {
    const delay = this.#delay;
    if (delay !== undefined) this.#delay = delay.after > 0 ? { ...delay, after: delay.after - 1 } : undefined;
    if (delay?.after === 0) for (const step of delay.meanwhile) await this.#meanwhile(step);
    const failure = this.#failure;
    if (failure !== undefined) this.#failure = failure.after > 0 ? { ...failure, after: failure.after - 1 } : undefined;
    const fails = failure?.after === 0;
    const answer = fails && !failure.applied ? undefined : handle();
    if (fails) throw new ApiError({ status: 500, reason: "InternalError", message: "the connection broke" });
    return answer as T;
  }

  #create(type: ResourceType, object: KubernetesObject): KubernetesObject {
    switch (type.kind) {
      case "PersistentVolumeClaim":
        if (this.#claim !== undefined) throw refusal(409, "AlreadyExists");
        return this.#putClaim({
          ...object,
          metadata: { ...object.metadata, uid: `claim-${this.#versions.newest}` },
        } as never);
      case "Job":
        return this.#createJob(object as Job);
      default:
        return object;
    }
  }

  #createJob(job: Job): Job {
    const { name, labels = {}, ownerReferences = [] } = job.metadata;
    const runName = ownerReferences[0]?.name ?? "";
    const life = this.#lives.get(runName);
    if (life === undefined) throw this.#breach("a Job has a run");
    if (life.jobs.has(name)) throw refusal(409, "AlreadyExists");
    this.trace.push(`  creates a Job of ${runName}`);
    this.#checkTurn(runName);
    const uid = `${name}-${(this.#versions.newest += 1)}`;
    const round = Number(labels["orchestrator.io/round"]);
    const claim = workspaceClaimName(key.namespace, spec.serviceName);
    life.jobs.set(name, aJob({ name, uid, runName, runUid: uidOf(runName), round, createdAt: life.now, claim }));
    return { ...job, metadata: { ...job.metadata, uid } };
  }

  #checkTurn(runName: string): void {
    const isAnothers = (view: { runName: string }): boolean => view.runName !== runName;
    const [jobs, pods] = [this.#real("jobs").filter(isAnothers), this.#real("pods").filter(isAnothers)];
    const holder = this.#claim?.metadata.annotations?.["orchestrator.io/holder"];
    // A claim that was deleted meanwhile is made anew by the next, who sees the Job.
    this.#keep("nobody starts in a workspace that another holds", (holder ?? uidOf(runName)) === uidOf(runName));
    this.#keep("nobody starts while the Job of another is live", liveAmong(jobs, pods).length === 0);
    this.#keep(
      "no two pods are live in one workspace",
      pods.every(({ ended }) => ended),
    );
  }

  #get(type: ResourceType, name: string): KubernetesObject {
    if (type.kind === "PersistentVolumeClaim") {
      if (this.#claim === undefined) throw refusal(404, "NotFound");
      return this.#claim;
    }
    if (type.kind === "ReviewRun") {
      const { run } = this.#lives.get(name) ?? {};
      if (run === undefined) throw refusal(404, "NotFound");
      return run;
    }
    const job = this.#real("jobs").find((candidate) => candidate.name === name);
    const owner = { apiVersion: "orchestrator.io/v1", kind: "ReviewRun", name: job?.runName ?? "", controller: true };
    const ownerReferences = [{ ...owner, uid: job?.runUid ?? "" }];
    return { apiVersion: "batch/v1", kind: "Job", metadata: { ...key, name, ownerReferences } };
  }

  #list(type: ResourceType, labelSelector = "") {
    if (type.kind === "Event") return { items: [], resourceVersion: "0" };
    const all: readonly { name: string; runUid: string }[] = this.#real(type.kind === "Job" ? "jobs" : "pods");
    const selected = all.filter(({ runUid }) => labelSelector.endsWith(`=${runUid}`));
    return { items: selected.map(({ name }) => ({ kind: type.kind, metadata: { name } })), resourceVersion: "0" };
  }

  #patch(type: ResourceType, name: string, patch: unknown): KubernetesObject {
    if (type.kind === "Pod") return this.#stop(name);
    const { metadata, status } = patch as { metadata: KubernetesObject["metadata"]; status: StatusPatch };
    if (type.kind === "PersistentVolumeClaim") return this.#hold(metadata);
    const life = this.#lives.get(name);
    if (life?.run === undefined) throw refusal(404, "NotFound");
    if (metadata.resourceVersion !== life.run.metadata.resourceVersion) throw refusal(409, "Conflict");
    const given = Object.entries({ ...life.status, ...status }).filter(([, value]) => value !== null);
    const after = Object.fromEntries(given) as unknown as RunStatus;
    this.trace.push(`  ${name} is ${after.phase}: ${after.message ?? ""}`);
    return life.writeStatus(after);
  }

  #hold({ resourceVersion, annotations }: KubernetesObject["metadata"]): PersistentVolumeClaim {
    if (this.#claim === undefined) throw refusal(404, "NotFound");
    if (this.#claim.metadata.resourceVersion !== resourceVersion) throw refusal(409, "Conflict");
    return this.#putClaim({
      ...this.#claim,
      metadata: { ...this.#claim.metadata, ...(annotations && { annotations }) },
    });
  }

  #putClaim(claim: PersistentVolumeClaim): PersistentVolumeClaim {
    this.trace.push(`  ${claim.metadata.annotations?.["orchestrator.io/holder"]} takes the workspace`);
    this.#claim = { ...claim, metadata: { ...claim.metadata, resourceVersion: String((this.#versions.newest += 1)) } };
    return this.#claim;
  }

  #stop(name: string): KubernetesObject {
    for (const life of this.#lives.values()) {
      const pod = life.pods.get(name);
      if (pod !== undefined) life.put(pod, { stopAsked: true });
    }
    return { apiVersion: "v1", kind: "Pod", metadata: { name } };
  }

  #delete(type: ResourceType, name: string): void {
    for (const life of this.#lives.values()) if (type.kind === "Job") life.jobs.delete(name);
  }

  #keep(promise: string, holds: boolean): void {
    if (!holds) throw this.#breach(promise);
  }

  #breach(promise: string): Error {
    this.#broken ??= new Error(`broken: ${promise}\n${this.trace.join("\n")}`);
    return this.#broken;
  }
}

function nameOf(run: number): string {
  return `run-${run}`;
}

function uidOf(name: string): string {
  return `uid-of-${name}`;
}

function refusal(status: number, reason: string): ApiError {
  return new ApiError({ status, reason, message: reason });
}

/** Makes a cache like what is there, and tells whether it was not. */
function copy<V extends { name: string }>(
  from: readonly V[],
  to: Map<string, V>,
  isSame: (a: V, b: V) => boolean,
): boolean {
  const same = from.every((value) => {
    const before = to.get(value.name);
    return before !== undefined && isSame(before, value);
  });
  const changed = !same || from.length !== to.size;
  to.clear();
  for (const value of from) to.set(value.name, value);
  return changed;
}
