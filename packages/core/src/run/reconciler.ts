import {
  apiVersion,
  isApiError,
  resources,
  type ApiError,
  type EventRecorder,
  type Job,
  type KubernetesClient,
  type KubernetesObject,
  type Logger,
  type NetworkPolicy,
  type ObjectKey,
  type Pod,
  type ReconcileResult,
  type Store,
} from "@orchestrator/controller-runtime";
import { networkPolicyName } from "../pod/network-policy.ts";
import { currentAttempt } from "./current-attempt.ts";
import { decide, decideImpossible, decideRefused } from "./decide.ts";
import type { Action, Decision, DecideSettings, Moment } from "./decision.ts";
import type { JobHandler } from "./job-handler.ts";
import { labels, managedBy } from "./labels.ts";
import {
  controllerOf,
  isTerminal,
  keyOf,
  stopNow,
  type JobView,
  type NetworkPolicyView,
  type Observation,
  type PodView,
  type RunObject,
  type RunView,
} from "./observation.ts";
import type { RunMetrics } from "./run-metrics.ts";
import { planOf } from "./run-plan.ts";

/** Index of Jobs and Pods by the UID of their run. */
export const byRun = "run";

export interface RunReconcilerOptions {
  handler: JobHandler;
  client: Pick<KubernetesClient, "create" | "get" | "patch" | "delete">;
  runs: Store<RunView, RunObject>;
  /** With the index `byRun`, as `pods`. */
  jobs: Store<JobView, Job>;
  pods: Store<PodView, Pod>;
  /** Absent: the operator leaves network policies to others. */
  networkPolicies?: Store<NetworkPolicyView, NetworkPolicy>;
  events: Pick<EventRecorder, "record">;
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

/** Carries runs of one kind through their life: observe from the caches, decide, apply. */
export class RunReconciler {
  readonly #options: RunReconcilerOptions;
  /** Per run (by key): the newest attempt, by name, whose Job this process has seen. */
  readonly #jobSeen = new Map<string, string>();

  constructor(options: RunReconcilerOptions) {
    this.#options = options;
  }

  readonly reconcile = async (key: ObjectKey, signal: AbortSignal): Promise<ReconcileResult> => {
    const { handler, settings } = this.#options;
    const observation = this.#observe(key);
    if (observation === undefined) return { type: "awaitChange" };
    return await this.#apply(observation, decide(handler, observation, settings, this.#moment()), signal);
  };

  #moment(): Moment {
    const { now, random } = this.#options;
    return { now: now(), random: random() };
  }

  #observe(key: ObjectKey): Observation | undefined {
    const { handler, runs, jobs, pods } = this.#options;
    const id = `${key.namespace}/${key.name}`;
    const run = runs.get(key);
    if (run === undefined || isTerminal(run.status)) this.#jobSeen.delete(id);
    if (run === undefined) return undefined;
    const { contextVersion } = planOf(run.spec, handler.defaults);
    const jobsOfRun = jobs.byIndex(byRun, run.uid);
    const podsOfRun = pods.byIndex(byRun, run.uid);
    const seen = [...jobsOfRun, ...podsOfRun].map(({ round }) => round);
    const attempt = currentAttempt(run, { prefix: handler.prefix, contextVersion, seen });
    const job = jobsOfRun.find((candidate) => candidate.name === attempt.name);
    const pod = newest(podsOfRun.filter((candidate) => candidate.jobName === attempt.name));
    if (job !== undefined && !isTerminal(run.status)) this.#jobSeen.set(id, attempt.name);
    const jobSeen = this.#jobSeen.get(id) === attempt.name;
    const others = {
      jobs: jobsOfRun.filter((other) => other !== job),
      pods: podsOfRun.filter((other) => other !== pod),
    };
    const networkPolicy = this.#options.networkPolicies?.get({
      namespace: key.namespace,
      name: networkPolicyName(handler.prefix),
    });
    return {
      run,
      attempt,
      jobSeen,
      others,
      ...(job && { job }),
      ...(pod && { pod }),
      ...(networkPolicy && { networkPolicy }),
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
      case "patchStatus":
        return this.#patchStatus(observation.run, action, signal);
      case "recordEvent":
        return this.#recordEvent(observation.run, action, signal);
      case "deleteJob":
        return this.#deleteJob(action, signal);
      case "stopPod":
        return this.#stopPod(action, signal);
      case "deleteRun":
        return this.#deleteRun(observation.run, action, signal);
      case "updateNetworkPolicy":
        return this.#updateNetworkPolicy(action, signal);
    }
  }

  async #create(
    observation: Observation,
    { resource, object }: Extract<Action, { type: "create" }>,
    signal: AbortSignal,
  ): Promise<Applied> {
    try {
      const created = await this.#options.client.create(resource, object, { signal });
      this.#remember(observation, created);
      this.#log(observation.run).info({ object: label(object) }, "created");
      return done;
    } catch (error) {
      if (!isApiError(error)) throw error;
      if (error.reason === "AlreadyExists") return await this.#meet(observation, { resource, object }, signal);
      return this.#refused(observation, object, error);
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
    return done;
  }

  #refused(observation: Observation, object: KubernetesObject, error: ApiError): Applied {
    const { handler, settings } = this.#options;
    // The run goes with its namespace.
    if (isNamespaceTerminating(error)) return { type: "stop", next: { type: "awaitChange" } };
    const refusal = { object: label(object), message: error.message };
    if (error.status === 403) return redecide(decideRefused(handler, observation, refusal, settings, this.#moment()));
    if (error.status !== 422 && error.status !== 400) throw error;
    const message = `${refusal.object} is not valid: ${refusal.message}`;
    const cause = { reason: "InvalidInput", message } as const;
    return redecide(decideImpossible(handler, observation, cause, settings, this.#moment()));
  }

  async #patchStatus(
    run: RunView,
    { status, attemptEnded, roundEnded }: Extract<Action, { type: "patchStatus" }>,
    signal: AbortSignal,
  ): Promise<Applied> {
    const { client, handler, runs, metrics } = this.#options;
    const { kind } = handler.resource;
    const patch = { metadata: { resourceVersion: run.resourceVersion }, status };
    try {
      const options = { type: "merge", subresource: "status", signal } as const;
      const written = await client.patch(handler.resource, keyOf(run), patch, options);
      runs.remember(written);
      const { phase = "Pending", message } = written.status ?? {};
      this.#log(run).info({ phase, reason: roundEnded ?? attemptEnded, status: message }, "status written");
      if (attemptEnded !== undefined) metrics.attemptEnded(kind, attemptEnded);
      if (roundEnded !== undefined) metrics.roundEnded(kind, roundEnded, { phase, ...written.status });
      return done;
    } catch (error) {
      return overtaken(error);
    }
  }

  /** An event is a courtesy: a run does not fail for the lack of one. */
  async #recordEvent(
    run: RunView,
    { event }: Extract<Action, { type: "recordEvent" }>,
    signal: AbortSignal,
  ): Promise<Applied> {
    const { events, handler } = this.#options;
    const { kind } = handler.resource;
    const regarding = { apiVersion: apiVersion(handler.resource), kind, ...keyOf(run), uid: run.uid };
    try {
      await events.record({ ...regarding, namespace: run.namespace }, event, signal);
    } catch (error) {
      signal.throwIfAborted();
      this.#log(run).warn({ err: error, event: event.reason }, "event not recorded");
    }
    return done;
  }

  async #deleteJob({ job, why }: Extract<Action, { type: "deleteJob" }>, signal: AbortSignal): Promise<Applied> {
    const options = { uid: job.uid, propagationPolicy: "Background", signal } as const;
    await this.#options.client.delete(resources.jobs, keyOf(job), options);
    this.#options.logger.info({ namespace: job.namespace, job: job.name, why }, "stopped a Job");
    return done;
  }

  /** A pod whose time limit is over gets SIGTERM and its grace period, and keeps its status for us to read. */
  async #stopPod({ pod, why }: Extract<Action, { type: "stopPod" }>, signal: AbortSignal): Promise<Applied> {
    const { client, pods, logger } = this.#options;
    const patch = { metadata: { uid: pod.uid }, spec: { activeDeadlineSeconds: stopNow } };
    try {
      pods.remember(await client.patch(resources.pods, keyOf(pod), patch, { type: "merge", signal }));
      logger.info({ namespace: pod.namespace, pod: pod.name, why }, "told a pod to end");
      return done;
    } catch (error) {
      return overtaken(error);
    }
  }

  async #updateNetworkPolicy(
    { policy, resourceVersion }: Extract<Action, { type: "updateNetworkPolicy" }>,
    signal: AbortSignal,
  ): Promise<Applied> {
    const { client, networkPolicies, logger } = this.#options;
    const key = keyOfObject(policy);
    const { annotations } = policy.metadata;
    const patch = { metadata: { resourceVersion, annotations }, spec: policy.spec };
    try {
      const options = { type: "merge", signal } as const;
      networkPolicies?.remember(await client.patch(resources.networkPolicies, key, patch, options));
      logger.info(key, "brought a network policy up to date");
      return done;
    } catch (error) {
      return overtaken(error);
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

  /** The next reconcile may come before the watch has brought what was just written. */
  #remember({ run, attempt }: Observation, object: KubernetesObject): void {
    if (object.kind === resources.networkPolicies.kind)
      this.#options.networkPolicies?.remember(object as NetworkPolicy);
    if (object.kind !== resources.jobs.kind) return;
    this.#options.jobs.remember(object as Job);
    this.#jobSeen.set(`${run.namespace}/${run.name}`, attempt.name);
  }

  #log(run: RunView): Logger {
    return this.#options.logger.child({ namespace: run.namespace, run: run.name });
  }
}

/**
 * What a write was decided on has changed since, or is gone.
 * @throws any other error.
 */
function overtaken(error: unknown): Applied {
  if (isApiError(error, "Conflict")) return { type: "stop", next: lookAgain(staleMs) };
  if (isApiError(error, "NotFound")) return { type: "stop", next: { type: "awaitChange" } };
  throw error;
}

/** What belongs to a run names it as its owner; what belongs to none carries our label. */
function isOurs({ metadata }: KubernetesObject, wanted: KubernetesObject, runUid: string): boolean {
  if (wanted.metadata.ownerReferences === undefined) return metadata.labels?.[labels.managedBy] === managedBy;
  return controllerOf(metadata)?.uid === runUid;
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

function isNamespaceTerminating({ details }: ApiError): boolean {
  const causes = (details as { causes?: { reason?: string }[] } | undefined)?.causes ?? [];
  return causes.some((cause) => cause.reason === "NamespaceTerminating");
}
