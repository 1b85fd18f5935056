import {
  apiVersion,
  compareResourceVersions,
  controllerOf,
  isApiError,
  keyText,
  resources,
  unlessNotFound,
  type ApiError,
  type EventRecorder,
  type Job,
  type KubernetesObject,
  type Logger,
  type NetworkPolicy,
  type ObjectKey,
  type PersistentVolumeClaim,
  type Pod,
  type ReconcileClient,
  type ReconcileResult,
  type Store,
} from "@orchestrator/controller-runtime";
import { toControllerError } from "../errors/to-controller-error.ts";
import { networkPolicyName } from "../pod/network-policy.ts";
import { currentAttempt } from "./current-attempt.ts";
import { decide, decideImpossible, decideRefused } from "./decide.ts";
import type { Action, Decision, DecideSettings, Moment } from "./decision.ts";
import { defined } from "./defined.ts";
import { eventKey } from "./event-key.ts";
import type { JobHandler } from "./job-handler.ts";
import { annotations, labels } from "./labels.ts";
import { workspaceClaimName } from "./names.ts";
import {
  isTerminal,
  keyOf,
  stopNow,
  type JobView,
  type NetworkPolicyView,
  type Observation,
  type Podless,
  type PodView,
  type RunObject,
  type RunView,
} from "./observation.ts";
import { podRefusalOf } from "./pod-refusal.ts";
import type { RunMetrics } from "./run-metrics.ts";
import { takeWorkspace } from "./take-workspace.ts";
import { type ClaimView, differences, type WorkspaceView } from "./workspace.ts";

/** Index of Jobs and Pods by the UID of their run. */
export const byRun = "run";
/** Index of runs that have not ended, of Jobs and of Pods by the claim of the workspace that they use; see `claimId`. */
export const byClaim = "claim";

export function claimId(namespace: string, claim: string): string {
  return `${namespace}/${claim}`;
}

export interface RunReconcilerOptions {
  handler: JobHandler;
  client: ReconcileClient;
  /** With the index `byClaim` where the kind has workspaces, as `jobs` and `pods`. */
  runs: Store<RunView, RunObject>;
  /** With the index `byRun`, as `pods`. */
  jobs: Store<JobView, Job>;
  pods: Store<PodView, Pod>;
  /** Of workspaces; absent where the kind has none. */
  claims?: Store<ClaimView, PersistentVolumeClaim> | undefined;
  /** Absent: the operator leaves network policies to others. */
  networkPolicies?: Store<NetworkPolicyView, NetworkPolicy> | undefined;
  events: Pick<EventRecorder, "record">;
  /** Has a run looked at: own writes come with no change that would wake whoever waits for them. */
  enqueue: (key: ObjectKey) => void;
  settings: DecideSettings;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Of [0, 1). */
  random: () => number;
  logger: Logger;
  metrics: RunMetrics;
}

/** What became of one action: go on with the next, stop here and look again, or decide anew in the light of what was met. */
type Applied = { type: "done" } | { type: "stop"; next: ReconcileResult } | { type: "redecide"; decision: Decision };

const done: Applied = { type: "done" };
/** Until the watch has brought what a refused write was refused for. */
const staleMs = 500;

/** Until the garbage collector has come to the pod of a Job that is gone. */
const collectedMs = 15_000;

/** Carries runs of one kind through their life: observe from the caches, decide, apply. */
export class RunReconciler {
  readonly #options: RunReconcilerOptions;
  /** Per run (by key): the newest attempt, by name, whose Job this process has seen. */
  readonly #jobSeen = new Map<string, string>();
  /** Per run (by key): the look at the API server that found no pod of the Job of this UID. */
  readonly #podless = new Map<string, Podless & { jobUid: string }>();
  /** What is known of a run and no newer than this may be behind what another process has done. */
  #inheritedUpTo = "0";
  /** Claims of workspaces that a run is taking, to have its Job there next. */
  readonly #taking = new Set<string>();

  constructor(options: RunReconcilerOptions) {
    this.#options = options;
  }

  /**
   * Begins to lead where another process may have led until now, which left the runs at this version: one that is not known in a
   * newer version is looked at before it gets a Job from here. Statuses and claims are guarded by the version they were decided on.
   */
  inherit(resourceVersion: string): void {
    this.#inheritedUpTo = resourceVersion;
  }

  readonly reconcile = async (key: ObjectKey, signal: AbortSignal): Promise<ReconcileResult> => {
    const { handler } = this.#options;
    const observation = await this.#observe(key, signal);
    if (observation === undefined) return { type: "awaitChange" };
    try {
      return await this.#decideAndApply(observation, new Set(), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (isApiError(error, "Conflict")) return lookAgain(staleMs);
      throw toControllerError(error, `carry out ${handler.resource.kind} ${key.namespace}/${key.name}`);
    }
  };

  /** `looked`: UIDs of the runs that were looked at for this. */
  async #decideAndApply(
    observation: Observation,
    looked: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<ReconcileResult> {
    const { handler, settings } = this.#options;
    const decision = decide(handler, observation, settings, this.#moment());
    const toLookAt = (decision.lookAt ?? []).filter((uid) => !looked.has(uid));
    if (toLookAt.length === 0) return await this.#applyInTurn(observation, decision, signal);
    if (!(await this.#look(observation, toLookAt, signal))) return { type: "awaitChange" };
    await this.#askForPod(keyOf(observation.run), signal);
    const seen = this.#known(keyOf(observation.run));
    if (seen === undefined) return { type: "awaitChange" };
    return await this.#decideAndApply(seen, new Set([...looked, ...toLookAt]), signal);
  }

  /** Notes that there is no pod, and why. Nobody but the Job controller knows, and it tells by events alone. */
  async #askForPod(key: ObjectKey, signal: AbortSignal): Promise<void> {
    const { run, job, pod } = this.#known(key) ?? {};
    if (run === undefined || job === undefined || pod !== undefined) return;
    if (job.finishedAt !== undefined || isTerminal(run.status)) return;
    const refusal = await this.#podRefusal(run, job, signal);
    this.#podless.set(keyText(key), { jobUid: job.uid, lookedAt: this.#options.now(), ...defined({ refusal }) });
  }

  /** Events are a courtesy: a run does without, and with what it knew. */
  async #podRefusal(run: RunView, job: JobView, signal: AbortSignal): Promise<string | undefined> {
    try {
      const fieldSelector = `regarding.uid=${job.uid},reason=FailedCreate`;
      const options = { namespace: job.namespace, fieldSelector, signal };
      return podRefusalOf((await this.#options.client.list(resources.events, options)).items);
    } catch (error) {
      signal.throwIfAborted();
      this.#log(run).warn({ err: error }, "events not read");
      return this.#lookedFor(keyText(run), job)?.refusal;
    }
  }

  /** Reads a run, its claim, and the Jobs and pods of the runs of these UIDs past the caches. False where the run is gone. */
  async #look({ run, workspace }: Observation, uids: readonly string[], signal: AbortSignal): Promise<boolean> {
    const { client, handler, runs, jobs, pods, claims } = this.#options;
    const { namespace } = run;
    const claim = workspace?.claim;
    const current = await unlessNotFound(client.get(handler.resource, keyOf(run), { signal }));
    if (current === undefined) return false;
    runs.remember(current);
    // A claim that is gone is the watch's to tell: whoever takes it as it was seen is refused.
    const held = claim && (await unlessNotFound(client.get(resources.persistentVolumeClaims, claim, { signal })));
    if (held !== undefined) claims?.remember(held);
    for (const uid of uids) {
      const options = { namespace, labelSelector: `${labels.runUid}=${uid}`, signal };
      for (const job of (await client.list(resources.jobs, options)).items) jobs.remember(job);
      for (const pod of (await client.list(resources.pods, options)).items) pods.remember(pod);
    }
    return true;
  }

  /** A run whose Job is long in coming has its workspace to itself until then, whatever is asked of it meanwhile. */
  async #applyInTurn(observation: Observation, decision: Decision, signal: AbortSignal): Promise<ReconcileResult> {
    const take = decision.actions.find((action) => action.type === "takeWorkspace");
    if (take === undefined) return await this.#apply(observation, decision, signal);
    const claim = claimId(observation.run.namespace, take.claim.metadata.name);
    if (this.#taking.has(claim)) return lookAgain(staleMs);
    this.#taking.add(claim);
    try {
      return await this.#apply(observation, decision, signal);
    } finally {
      this.#taking.delete(claim);
    }
  }

  #moment(): Moment {
    const { now, random } = this.#options;
    return { now: now(), random: random() };
  }

  /** Costs no request, unless the outcome of an own write is unknown. */
  async #observe(key: ObjectKey, signal: AbortSignal): Promise<Observation | undefined> {
    const { runs, jobs } = this.#options;
    await runs.confirm(key, signal);
    const observation = this.#known(key);
    if (observation === undefined) return undefined;
    const { run, attempt } = observation;
    const wasInDoubt = await jobs.confirm({ namespace: run.namespace, name: attempt.name }, signal);
    return wasInDoubt ? this.#known(key) : observation;
  }

  #known(key: ObjectKey): Observation | undefined {
    const { handler, runs, jobs, pods } = this.#options;
    const runId = keyText(key);
    const run = runs.get(key);
    if (run === undefined || isTerminal(run.status)) this.#forget(runId);
    if (run === undefined) return undefined;
    const jobsOfRun = jobs.byIndex(byRun, run.uid);
    const podsOfRun = pods.byIndex(byRun, run.uid);
    const seen = [...jobsOfRun, ...podsOfRun].map(({ round }) => round);
    const attempt = currentAttempt(run, { prefix: handler.prefix, contextVersion: run.plan.contextVersion, seen });
    const job = jobsOfRun.find((candidate) => candidate.name === attempt.name);
    const pod = newest(podsOfRun.filter((candidate) => candidate.jobName === attempt.name));
    if (job !== undefined && !isTerminal(run.status)) this.#jobSeen.set(runId, attempt.name);
    const jobSeen = this.#jobSeen.get(runId) === attempt.name;
    const others = {
      jobs: jobsOfRun.filter((other) => other !== job),
      pods: podsOfRun.filter((other) => other !== pod),
    };
    const workspace = isTerminal(run.status) ? undefined : this.#workspace(run);
    const policyKey = { namespace: key.namespace, name: networkPolicyName(handler.prefix) };
    const networkPolicy = this.#options.networkPolicies?.get(policyKey);
    const inherited = compareResourceVersions(run.resourceVersion, this.#inheritedUpTo) <= 0;
    const podless = pod === undefined ? this.#lookedFor(runId, job) : undefined;
    const own = defined({ job, pod, podless, workspace, networkPolicy });
    return { run, attempt, jobSeen, others, ...(inherited && { inherited }), ...own };
  }

  #lookedFor(runId: string, job: JobView | undefined): Podless | undefined {
    const looked = this.#podless.get(runId);
    return looked?.jobUid === job?.uid ? looked : undefined;
  }

  #forget(runId: string): void {
    this.#jobSeen.delete(runId);
    this.#podless.delete(runId);
  }

  #workspace(run: RunView): WorkspaceView | undefined {
    const { handler, runs, jobs, pods, claims } = this.#options;
    const wish = handler.workspaceOf?.(run.spec);
    if (wish === undefined || claims === undefined) return undefined;
    const key = { namespace: run.namespace, name: workspaceClaimName(run.namespace, wish.serviceName) };
    const id = claimId(key.namespace, key.name);
    return {
      wish,
      runs: runs.byIndex(byClaim, id).filter(({ uid }) => uid !== run.uid),
      jobs: jobs.byIndex(byClaim, id).filter(({ runUid }) => runUid !== run.uid),
      pods: pods.byIndex(byClaim, id).filter(({ runUid }) => runUid !== run.uid),
      ...defined({ claim: claims.get(key) }),
    };
  }

  async #apply(observation: Observation, decision: Decision, signal: AbortSignal): Promise<ReconcileResult> {
    for (const action of decision.actions) {
      const applied = await this.#applyOne(observation, action, signal);
      if (applied.type === "stop") return applied.next;
      if (applied.type === "redecide") return await this.#apply(observation, applied.decision, signal);
    }
    return decision.next;
  }

  #applyOne(observation: Observation, action: Action, signal: AbortSignal): Promise<Applied> {
    switch (action.type) {
      case "create":
        return this.#create(observation, action, signal);
      case "takeWorkspace":
        return this.#takeWorkspace(observation, action, signal);
      case "patchStatus":
        return this.#patchStatus(observation, action, signal);
      case "recordEvent":
        return this.#recordEvent(observation, action, signal);
      case "deleteJob":
        return this.#deleteJob(action, signal);
      case "stopPod":
        return this.#stopPod(observation, action, signal);
      case "deleteRun":
        return this.#deleteRun(observation.run, action, signal);
      case "updateNetworkPolicy":
        return this.#updateNetworkPolicy(observation, action, signal);
    }
  }

  async #create(
    observation: Observation,
    { resource, object }: Extract<Action, { type: "create" }>,
    signal: AbortSignal,
  ): Promise<Applied> {
    try {
      await this.#createAndRemember(observation, { resource, object }, signal);
      this.#log(observation.run).info({ object: label(object) }, "created");
      return done;
    } catch (error) {
      if (!isApiError(error)) throw error;
      if (error.reason === "AlreadyExists") return await this.#meet(observation, { resource, object }, signal);
      return this.#refused(observation, object, error);
    }
  }

  /** The next reconcile may come before the watch has brought what was just written. */
  async #createAndRemember(
    observation: Observation,
    { resource, object }: Pick<Extract<Action, { type: "create" }>, "resource" | "object">,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, jobs } = this.#options;
    if (object.kind === resources.jobs.kind) {
      await jobs.write(keyOfObject(object), () => client.create(resources.jobs, object as Job, { signal }));
      this.#rememberSeen(observation);
    } else {
      this.#remember(observation, await client.create(resource, object, { signal }));
    }
  }

  /** There is an object of that name already: it is ours from before, or it is somebody else's and stays as it is. */
  async #meet(
    observation: Observation,
    { resource, object }: Pick<Extract<Action, { type: "create" }>, "resource" | "object">,
    signal: AbortSignal,
  ): Promise<Applied> {
    const { handler, client, settings } = this.#options;
    const existing = await client.get(resource, keyOfObject(object), { signal });
    if (!isOurs(existing, object, observation.run.uid)) {
      const message = `${label(object)} exists and does not belong to this run`;
      const cause = { reason: "NameConflict", message } as const;
      return redecide(decideImpossible(handler, observation, cause, settings, this.#moment()));
    }
    if (existing.metadata.deletionTimestamp !== undefined) return { type: "stop", next: lookAgain(staleMs) };
    this.#remember(observation, existing);
    return policyHash(existing) === policyHash(object) ? done : { type: "stop", next: lookAgain(staleMs) };
  }

  async #takeWorkspace(
    observation: Observation,
    { claim, seen }: Extract<Action, { type: "takeWorkspace" }>,
    signal: AbortSignal,
  ): Promise<Applied> {
    const { handler, client, claims, settings } = this.#options;
    try {
      const taking = await takeWorkspace(client, claim, seen, signal);
      switch (taking.result) {
        case "taken":
          claims?.remember(taking.claim);
          this.#log(observation.run).info({ object: label(claim), ...differences(claim, seen) }, "took the workspace");
          return done;
        case "notYet":
          return { type: "stop", next: lookAgain(staleMs) };
        case "foreign": {
          const message = `${label(claim)} exists and is no workspace of this service`;
          const cause = { reason: "NameConflict", message } as const;
          return redecide(decideImpossible(handler, observation, cause, settings, this.#moment()));
        }
      }
    } catch (error) {
      if (!isApiError(error)) throw error;
      return this.#refused(observation, claim, error);
    }
  }

  #refused(observation: Observation, object: KubernetesObject, error: ApiError): Applied {
    const { handler, settings } = this.#options;
    // The run goes with its namespace.
    if (isNamespaceTerminating(error)) return { type: "stop", next: { type: "awaitChange" } };
    const refusal = { object: label(object), message: error.message, shared: isShared(object), rule: isRule(error) };
    const message = `${refusal.object} is not valid: ${refusal.message}`;
    const decision = [400, 422].includes(error.status)
      ? decideImpossible(handler, observation, { reason: "InvalidInput", message }, settings, this.#moment())
      : decideRefused(handler, observation, refusal, settings, this.#moment());
    // Neither a rule nor lasting: it is the controller's to try again, and told if it lasts, as of a webhook that is down.
    if (!isRule(error) && decision.actions.length === 0) throw error;
    this.#log(observation.run).warn({ object: refusal.object, reason: refusal.message }, "refused");
    return redecide(decision);
  }

  async #patchStatus(
    { run, workspace }: Observation,
    { status, attemptEnded, roundEnded }: Extract<Action, { type: "patchStatus" }>,
    signal: AbortSignal,
  ): Promise<Applied> {
    const { client, handler, runs, metrics, enqueue } = this.#options;
    const { kind } = handler.resource;
    const patch = { metadata: { resourceVersion: run.resourceVersion }, status };
    try {
      const options = { type: "merge", subresource: "status", signal } as const;
      const written = await runs.write(keyOf(run), () => client.patch(handler.resource, keyOf(run), patch, options));
      const { phase = "Pending", message } = written.status ?? {};
      this.#log(run).info({ phase, reason: roundEnded ?? attemptEnded, status: message }, "status written");
      if (attemptEnded !== undefined) metrics.attemptEnded(kind, attemptEnded);
      if (roundEnded !== undefined) metrics.roundEnded(kind, roundEnded, { phase, ...written.status });
      // It may be the turn of another now.
      if ((attemptEnded ?? roundEnded) !== undefined) for (const other of workspace?.runs ?? []) enqueue(keyOf(other));
      return done;
    } catch (error) {
      return overtaken(error);
    }
  }

  /** An event is a courtesy: a run does not fail for the lack of one. */
  async #recordEvent(
    { run, attempt }: Observation,
    { event }: Extract<Action, { type: "recordEvent" }>,
    signal: AbortSignal,
  ): Promise<Applied> {
    const { events, handler } = this.#options;
    const { kind } = handler.resource;
    const regarding = { apiVersion: apiVersion(handler.resource), kind, ...keyOf(run), uid: run.uid };
    try {
      const key = eventKey(run, attempt, event.reason);
      await events.record({ ...regarding, namespace: run.namespace }, { ...event, key }, signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#log(run).warn({ err: error, event: event.reason }, "event not recorded");
    }
    return done;
  }

  async #deleteJob({ job, why }: Extract<Action, { type: "deleteJob" }>, signal: AbortSignal): Promise<Applied> {
    const { client, jobs, logger } = this.#options;
    const options = { uid: job.uid, propagationPolicy: "Background", signal } as const;
    await jobs.write(keyOf(job), () => client.delete(resources.jobs, keyOf(job), options));
    logger.info({ namespace: job.namespace, job: job.name, why }, "stopped a Job");
    return done;
  }

  /**
   * A pod whose time limit is over gets SIGTERM and its grace period, and keeps its status for us to read. One that may not be
   * changed, as a policy or a webhook has it, gets them with the end of its Job: what it then reports may be lost.
   */
  async #stopPod(
    { job }: Observation,
    { pod, why }: Extract<Action, { type: "stopPod" }>,
    signal: AbortSignal,
  ): Promise<Applied> {
    const { client, pods, logger } = this.#options;
    const patch = { metadata: { uid: pod.uid }, spec: { activeDeadlineSeconds: stopNow } };
    try {
      pods.remember(await client.patch(resources.pods, keyOf(pod), patch, { type: "merge", signal }));
      logger.info({ namespace: pod.namespace, pod: pod.name, why }, "told a pod to end");
      return done;
    } catch (error) {
      if (isApiError(error) && isRule(error)) {
        logger.warn({ namespace: pod.namespace, pod: pod.name, err: error }, "a pod may not be told to end");
        // The garbage collector is about to end the pod of a Job that is gone.
        if (job === undefined) return { type: "stop", next: lookAgain(collectedMs) };
        const because = `its pod cannot be told to end: ${error.message}`;
        return await this.#deleteJob({ type: "deleteJob", job, why: because }, signal);
      }
      // The run goes on without a pod that is gone, and still has an end that is due.
      return overtaken(error, lookAgain(staleMs));
    }
  }

  async #updateNetworkPolicy(
    observation: Observation,
    { policy, resourceVersion }: Extract<Action, { type: "updateNetworkPolicy" }>,
    signal: AbortSignal,
  ): Promise<Applied> {
    const { client, networkPolicies, logger } = this.#options;
    const key = keyOfObject(policy);
    const patch = { metadata: { resourceVersion, annotations: policy.metadata.annotations }, spec: policy.spec };
    try {
      const options = { type: "merge", signal } as const;
      networkPolicies?.remember(await client.patch(resources.networkPolicies, key, patch, options));
      logger.info(key, "brought a network policy up to date");
      return done;
    } catch (error) {
      if (!isApiError(error)) throw error;
      // Nobody wakes a run for a policy, and one that is gone is to be made anew.
      if (error.reason === "Conflict" || error.reason === "NotFound") return { type: "stop", next: lookAgain(staleMs) };
      return this.#refused(observation, policy, error);
    }
  }

  /** Only as it was seen: somebody may have changed since how long it is kept. */
  async #deleteRun(
    run: RunView,
    { why }: Extract<Action, { type: "deleteRun" }>,
    signal: AbortSignal,
  ): Promise<Applied> {
    const { client, handler } = this.#options;
    const { uid, resourceVersion } = run;
    const options = { uid, resourceVersion, propagationPolicy: "Background", signal } as const;
    try {
      await client.delete(handler.resource, keyOf(run), options);
      this.#log(run).info({ why }, "deleted a run");
      return done;
    } catch (error) {
      return overtaken(error);
    }
  }

  #remember(observation: Observation, object: KubernetesObject): void {
    const { jobs, networkPolicies } = this.#options;
    if (object.kind === resources.networkPolicies.kind) networkPolicies?.remember(object as NetworkPolicy);
    if (object.kind !== resources.jobs.kind) return;
    jobs.remember(object as Job);
    this.#rememberSeen(observation);
  }

  #rememberSeen({ run, attempt }: Observation): void {
    this.#jobSeen.set(keyText(run), attempt.name);
  }

  #log(run: RunView): Logger {
    return this.#options.logger.child({ namespace: run.namespace, run: run.name });
  }
}

/**
 * What a write was decided on has changed since, or is gone.
 * @throws any other error.
 */
function overtaken(error: unknown, whenGone: ReconcileResult = { type: "awaitChange" }): Applied {
  if (isApiError(error, "Conflict")) return { type: "stop", next: lookAgain(staleMs) };
  if (isApiError(error, "NotFound")) return { type: "stop", next: whenGone };
  throw error;
}

/** What belongs to a run names it as its owner; what belongs to none carries the labels that informers select it by. */
function isOurs({ metadata }: KubernetesObject, wanted: KubernetesObject, runUid: string): boolean {
  if (!isShared(wanted)) return controllerOf(metadata)?.uid === runUid;
  return [labels.managedBy, labels.kind].every((name) => metadata.labels?.[name] === wanted.metadata.labels?.[name]);
}

/** Whether an object that is to be made belongs to no run. */
function isShared({ metadata }: KubernetesObject): boolean {
  return metadata.ownerReferences === undefined;
}

/** Of a network policy, as an operator wrote it. */
function policyHash({ metadata }: KubernetesObject): string | undefined {
  return metadata.annotations?.[annotations.policyHash];
}

function newest(pods: readonly PodView[]): PodView | undefined {
  return pods.toSorted((a, b) => b.createdAt - a.createdAt)[0];
}

function keyOfObject({ metadata }: KubernetesObject): ObjectKey {
  return { namespace: metadata.namespace, name: metadata.name };
}

function label({ kind, metadata }: KubernetesObject): string {
  return `${kind} ${metadata.name}`;
}

function lookAgain(milliseconds: number): ReconcileResult {
  return { type: "requeueAfter", milliseconds };
}

function redecide(decision: Decision): Applied {
  return { type: "redecide", decision };
}

/** Whether somebody has decided so: trying again does not help, unlike with a server that is down. */
function isRule({ status }: ApiError): boolean {
  return [400, 403, 422].includes(status);
}

function isNamespaceTerminating({ details }: ApiError): boolean {
  return details?.causes?.some((cause) => cause.reason === "NamespaceTerminating") ?? false;
}
