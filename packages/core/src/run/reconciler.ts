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
  type ObjectKey,
  type Pod,
  type ReconcileResult,
  type Store,
} from "@orchestrator/controller-runtime";
import { decide, decideImpossible, decideRefused, type Action, type Decision, type DecideSettings } from "./decide.ts";
import type { JobHandler } from "./job-handler.ts";
import { attemptName } from "./names.ts";
import {
  controllerOf,
  isTerminal,
  keyOf,
  type JobView,
  type Observation,
  type PodView,
  type RunObject,
  type RunView,
} from "./observation.ts";
import type { RunMetrics } from "./run-metrics.ts";

/** Index of Jobs and Pods by the UID of their run. */
export const byRun = "run";

export interface RunReconcilerOptions {
  handler: JobHandler;
  client: Pick<KubernetesClient, "create" | "get" | "patch" | "delete">;
  runs: Store<RunView, RunObject>;
  /** With the index `byRun`, as `pods`. */
  jobs: Store<JobView, Job>;
  pods: Store<PodView, Pod>;
  events: Pick<EventRecorder, "record">;
  settings: DecideSettings;
  /** Milliseconds since the epoch. */
  now: () => number;
  logger: Logger;
  metrics: RunMetrics;
}

/** What became of one action: go on with the next, stop here and look again, or decide anew in the light of what was met. */
type Applied = { type: "done" } | { type: "stop"; next: ReconcileResult } | { type: "redecide"; decision: Decision };

const done: Applied = { type: "done" };
/** Until the watch has brought what a refused write was refused for. */
const staleMs = 500;
const onlyAttempt = 1;
const onlyRound = 1;

/** Carries runs of one kind through their life: observe from the caches, decide, apply. */
export class RunReconciler {
  readonly #options: RunReconcilerOptions;
  /** Per run (by key): its UID, once this process has seen the Job of its attempt. */
  readonly #jobSeen = new Map<string, string>();

  constructor(options: RunReconcilerOptions) {
    this.#options = options;
  }

  readonly reconcile = async (key: ObjectKey, signal: AbortSignal): Promise<ReconcileResult> => {
    const { handler, settings, now } = this.#options;
    const observation = this.#observe(key);
    if (observation === undefined) return { type: "awaitChange" };
    return await this.#apply(observation, decide(handler, observation, settings, now()), signal);
  };

  #observe(key: ObjectKey): Observation | undefined {
    const { handler, runs, jobs, pods } = this.#options;
    const id = `${key.namespace}/${key.name}`;
    const run = runs.get(key);
    if (run === undefined || isTerminal(run.status)) this.#jobSeen.delete(id);
    if (run === undefined) return undefined;
    const { uid: runUid, name: runName } = run;
    const identity = { prefix: handler.prefix, runName, runUid, round: onlyRound, attempt: onlyAttempt };
    const attempt = { number: onlyAttempt, name: attemptName(identity) };
    const job = jobs.byIndex(byRun, runUid).find((candidate) => candidate.name === attempt.name);
    const pod = newest(pods.byIndex(byRun, runUid).filter((candidate) => candidate.jobName === attempt.name));
    if (job !== undefined && !isTerminal(run.status)) this.#jobSeen.set(id, runUid);
    const jobSeen = this.#jobSeen.get(id) === runUid;
    return { run, attempt, jobSeen, ...(job && { job }), ...(pod && { pod }) };
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
        return this.#deleteJob(action.job, signal);
    }
  }

  async #create(
    observation: Observation,
    { resource, object }: Extract<Action, { type: "create" }>,
    signal: AbortSignal,
  ): Promise<Applied> {
    try {
      const created = await this.#options.client.create(resource, object, { signal });
      this.#remember(observation.run, created);
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
    const { handler, client, now } = this.#options;
    const existing = await client.get(resource, keyOfObject(object), { signal });
    if (controllerOf(existing.metadata)?.uid !== observation.run.uid) {
      const message = `${label(object)} exists and does not belong to this run`;
      return redecide(decideImpossible(handler, observation, { reason: "NameConflict", message }, now()));
    }
    if (existing.metadata.deletionTimestamp !== undefined) return { type: "stop", next: lookAgain(staleMs) };
    this.#remember(observation.run, existing);
    return done;
  }

  #refused(observation: Observation, object: KubernetesObject, error: ApiError): Applied {
    const { handler, settings, now } = this.#options;
    // The run goes with its namespace.
    if (isNamespaceTerminating(error)) return { type: "stop", next: { type: "awaitChange" } };
    const refusal = { object: label(object), message: error.message };
    if (error.status === 403) return redecide(decideRefused(handler, observation, refusal, settings, now()));
    if (error.status !== 422 && error.status !== 400) throw error;
    const message = `${refusal.object} is not valid: ${refusal.message}`;
    return redecide(decideImpossible(handler, observation, { reason: "InvalidInput", message }, now()));
  }

  async #patchStatus(
    run: RunView,
    { status, ended }: Extract<Action, { type: "patchStatus" }>,
    signal: AbortSignal,
  ): Promise<Applied> {
    const { client, handler, runs, metrics } = this.#options;
    const patch = { metadata: { resourceVersion: run.resourceVersion }, status };
    try {
      const options = { type: "merge", subresource: "status", signal } as const;
      runs.remember(await client.patch(handler.resource, keyOf(run), patch, options));
    } catch (error) {
      if (isApiError(error, "Conflict")) return { type: "stop", next: lookAgain(staleMs) };
      if (isApiError(error, "NotFound")) return { type: "stop", next: { type: "awaitChange" } };
      throw error;
    }
    const { phase = "Pending", message } = status;
    this.#log(run).info({ phase, reason: ended, status: message }, "status written");
    if (ended !== undefined) metrics.ended({ kind: handler.resource.kind, phase, reason: ended });
    return done;
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

  async #deleteJob(job: JobView, signal: AbortSignal): Promise<Applied> {
    const options = { uid: job.uid, propagationPolicy: "Background", signal } as const;
    await this.#options.client.delete(resources.jobs, keyOf(job), options);
    this.#options.logger.info({ namespace: job.namespace, job: job.name }, "stopped the Job of a run that has ended");
    return done;
  }

  /** The next reconcile may come before the watch has brought what was just written. */
  #remember(run: RunView, object: KubernetesObject): void {
    if (object.kind !== resources.jobs.kind) return;
    this.#options.jobs.remember(object as Job);
    this.#jobSeen.set(`${run.namespace}/${run.name}`, run.uid);
  }

  #log(run: RunView): Logger {
    return this.#options.logger.child({ namespace: run.namespace, run: run.name });
  }
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
