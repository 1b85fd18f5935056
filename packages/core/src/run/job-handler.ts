import type { ResourceType } from "@orchestrator/controller-runtime";
import type { z } from "zod";
import type { AttemptResources } from "../pod/attempt-resources.ts";
import type { PodTemplate } from "../pod/pod-template.ts";
import type { AccessMode } from "../api/workspace.ts";
import type { Usage } from "../api/status.ts";
import type { AttemptState } from "./attempt-state.ts";
import type { AttemptId, JobView, Observation, PodView, RunObject } from "./observation.ts";
import type { Resume } from "./resume.ts";
import type { AttemptTiming, RunDefaults } from "./run-plan.ts";
import type { WorkspaceWish } from "./workspace.ts";

/** What the operator's settings say about attempts. */
export interface AttemptSettings {
  /** Image of the run's containers, unless the run names one for `prepare` and `agent`. */
  agentImage: string;
  modelBaseUrl: string;
  /** Secret with the model's key, unless the run names one. */
  modelSecretName: string;
  /** Whether unfinished work and sessions are kept in the run's repository, to be gone on from. */
  keepWork: boolean;
  /** PEM text of authorities that the gateway trusts beside the system's. */
  caBundle?: string | undefined;
  /** Where the agent's telemetry goes; absent: nowhere. */
  telemetryEndpoint?: string | undefined;
  podTemplate?: PodTemplate | undefined;
  /** Of workspaces whose run does not say. */
  workspaceAccessMode: AccessMode;
  /** What a pod has to end after SIGTERM, in milliseconds. */
  gracePeriodMs: number;
}

/** One attempt that is to be made. */
export interface AttemptRequest<Spec> {
  run: { apiVersion: string; kind: string; namespace: string; name: string; uid: string; spec: Spec };
  attempt: AttemptId;
  timing: AttemptTiming;
  settings: AttemptSettings;
  /** What the round has used so far. */
  spent: Usage;
  /** What the attempt goes on from; absent: there is nothing. */
  resume?: Resume;
}

/** Where an attempt stands, and what its kind alone writes into the status when it has ended. */
export interface RunCheck {
  state: AttemptState;
  statusFields?: Record<string, unknown>;
}

/** What one kind of run brings along. All of it is pure: the reconciler carries out what it says. */
export interface JobHandler<Spec = unknown> {
  /** Names the kind of work; templates and settings are chosen by it. */
  readonly jobType: string;
  /** The kind of object that asks for it. */
  readonly resource: ResourceType<RunObject>;
  /** Short word in the names of what its runs own, a DNS label of at most 12 characters. */
  readonly prefix: string;
  readonly spec: z.ZodType<Spec>;
  /** What holds where the spec does not say so in a form that can be read. */
  readonly defaults: RunDefaults;
  /** The workspace that a spec asks for, if it does. Absent: the kind has none. */
  workspaceOf?(spec: unknown): WorkspaceWish | undefined;
  /** The ConfigMap and the Job of an attempt. Throws a `ControllerError` where the run cannot be carried out as it is. */
  createResources(request: AttemptRequest<Spec>): AttemptResources;
  /** Reads from what was observed where the run's attempt stands. */
  checkStatus(observation: Observation, timing: AttemptTiming, now: number): RunCheck;
  /** The Jobs to be stopped, once the run has ended. */
  cleanup(observation: Observation): JobView[];
}

/**
 * The Jobs of a run that may still run a pod. One whose pod has ended ends by itself, and keeps its log; where that pod is being
 * deleted, nothing but the Job will tell, for a moment, that it has ended.
 */
export function liveJobs({ job, pod, others }: Observation): JobView[] {
  const jobs = job === undefined ? others.jobs : [job, ...others.jobs];
  const pods = pod === undefined ? others.pods : [pod, ...others.pods];
  return liveAmong(jobs, pods);
}

/** The same among any Jobs and their pods. */
export function liveAmong(jobs: readonly JobView[], pods: readonly PodView[]): JobView[] {
  const ends = (name: string): boolean =>
    pods.some(({ jobName, ended, deletion }) => jobName === name && ended && deletion === undefined);
  return jobs.filter(({ name, deleting, finishedAt }) => !deleting && finishedAt === undefined && !ends(name));
}

/** The kinds of run that a program serves. */
export class HandlerRegistry {
  readonly #handlers = new Map<string, JobHandler>();

  /** @throws Error when the kind or the job type is taken. */
  register<Spec>(handler: JobHandler<Spec>): this {
    const taken = this.all().some(
      (other) => other.jobType === handler.jobType || other.resource.kind === handler.resource.kind,
    );
    if (taken) throw new Error(`a handler for ${handler.resource.kind} (${handler.jobType}) is registered already`);
    // What a handler is given as its Spec has gone through its own schema.
    this.#handlers.set(handler.jobType, handler as JobHandler);
    return this;
  }

  all(): JobHandler[] {
    return [...this.#handlers.values()];
  }

  /** @throws Error when there is none. */
  of(jobType: string): JobHandler {
    const handler = this.#handlers.get(jobType);
    if (handler === undefined) throw new Error(`no handler for ${jobType} is registered`);
    return handler;
  }
}
