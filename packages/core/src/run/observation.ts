import {
  type Condition,
  type ContainerStateTerminated,
  type ContainerStatus,
  controllerOf,
  type Job,
  type KubernetesObject,
  type NetworkPolicy,
  type ObjectKey,
  type ObjectMeta,
  type Pod,
  type PodSpec,
} from "@orchestrator/controller-runtime";
import { containers, workspaceVolume } from "../pod/layout.ts";
import type { RunStatus } from "../api/status.ts";
import { defined } from "./defined.ts";
import { annotations, labels } from "./labels.ts";
import { planOf, type RunDefaults, type RunPlan } from "./run-plan.ts";
import type { WorkspaceView } from "./workspace.ts";

/** A run as the API server sends it; `spec` is checked when it is used, so that one bad object harms no other. */
export interface RunObject extends KubernetesObject {
  spec?: unknown;
  status?: RunStatus;
}

/** What the operator keeps of a run. */
export interface RunView {
  namespace: string;
  name: string;
  uid: string;
  resourceVersion: string;
  generation: number;
  /** Milliseconds since the epoch, as all times of a view. */
  createdAt: number;
  deleting: boolean;
  /** Absent when the run has ended. */
  spec?: unknown;
  /** What the spec says about the life of the run. */
  plan: RunPlan;
  status: RunStatus;
}

export interface JobView {
  namespace: string;
  name: string;
  uid: string;
  /** The run that owns it. */
  runName: string;
  runUid: string;
  round: number;
  createdAt: number;
  deleting: boolean;
  /** Present once the Job is Complete or Failed. */
  finishedAt?: number;
  image?: string;
  settingsHash?: string;
  promptHash?: string;
  /** Of the workspace that it uses. */
  claim?: string;
}

/** How one container stands. `last` is how it ended before, when it has been restarted. */
export type ContainerView =
  | { type: "absent" }
  | { type: "waiting"; reason: string; message: string; last?: Terminated }
  | { type: "running"; startedAt: number; last?: Terminated }
  | Terminated;
export interface Terminated {
  type: "terminated";
  exitCode: number;
  reason: string;
  message: string;
  /** Absent when the container never started. */
  startedAt?: number;
  finishedAt?: number;
}

export interface PodView {
  namespace: string;
  name: string;
  uid: string;
  /** The Job that owns it. */
  jobName: string;
  runName: string;
  runUid: string;
  round: number;
  createdAt: number;
  /** Its time limit has been cut short, so that it ends now and reports. */
  stopAsked: boolean;
  /** Every container has ended and none will start again. */
  ended: boolean;
  reason: string;
  message: string;
  node?: string;
  /** Of the workspace that it uses. */
  claim?: string;
  /** When someone asked for the deletion, and by when the pod should be gone. */
  deletion?: { requestedAt: number; dueAt: number };
  /** What the scheduler says while it finds no node. */
  unschedulable?: string;
  /** The condition DisruptionTarget: who ends the pod, and why. */
  disruption?: { reason: string; message: string };
  gateway: ContainerView;
  prepare: ContainerView;
  agent: ContainerView;
}

export interface NetworkPolicyView {
  namespace: string;
  name: string;
  uid: string;
  createdAt: number;
  resourceVersion: string;
  /** Of the rules as an operator wrote them. */
  policyHash: string;
}

/** Which attempt of its run: `number` counts over all rounds, `name` is that of its ConfigMap and Job. */
export interface AttemptId {
  number: number;
  round: number;
  name: string;
}

/** A look at the API server that found no pod of a Job. */
export interface Podless {
  /** Milliseconds since the epoch. */
  lookedAt: number;
  /** Why the Job controller last made no pod, in the words of the API server. */
  refusal?: string;
}

/** Everything that is known about one run at one moment. */
export interface Observation {
  run: RunView;
  /** Another process led when the run became what is known of it, and may have gone on with it since. */
  inherited?: true;
  /** The attempt that is under way or would be the next. */
  attempt: AttemptId;
  /** Its Job. */
  job?: JobView;
  /** Its newest pod. */
  pod?: PodView;
  /** Where the API server was last looked at for a pod of the Job, and there was none. */
  podless?: Podless;
  /** This process has seen or made the attempt's Job, whether or not it still exists. */
  jobSeen: boolean;
  /** Every other Job and pod of the run. */
  others: { jobs: readonly JobView[]; pods: readonly PodView[] };
  /** The workspace that the run asks for. */
  workspace?: WorkspaceView;
  /** That of the run's kind in its namespace. */
  networkPolicy?: NetworkPolicyView;
}

export function keyOf(view: { namespace: string; name: string }): ObjectKey {
  return { namespace: view.namespace, name: view.name };
}

export function isTerminal(status: RunStatus): boolean {
  return status.phase === "Succeeded" || status.phase === "Failed" || status.phase === "Cancelled";
}

/** Projects runs of a kind. `old` is the view of the same run before: what its spec says is not read again while it stays. */
export function runProjection(defaults: RunDefaults): (object: RunObject, old?: RunView) => RunView {
  return ({ metadata, spec, status = { phase: "Pending" } }, old) => {
    const generation = metadata.generation ?? 0;
    return {
      ...identity(metadata),
      resourceVersion: text(metadata.resourceVersion),
      generation,
      deleting: metadata.deletionTimestamp !== undefined,
      ...(!isTerminal(status) && { spec }),
      plan: old !== undefined && old.generation === generation ? old.plan : planOf(spec, defaults),
      status,
    };
  };
}

export function projectJob({ metadata, spec, status }: Job): JobView {
  const owner = controllerOf(metadata);
  const end = status?.conditions?.find(isTrue("Complete", "Failed"));
  const agent = spec.template.spec.containers.find(({ name }) => name === containers.agent);
  return {
    ...identity(metadata),
    runName: text(owner?.name),
    runUid: text(owner?.uid),
    round: round(metadata),
    deleting: metadata.deletionTimestamp !== undefined,
    ...defined({
      finishedAt: end && time(end.lastTransitionTime),
      image: agent?.image,
      settingsHash: metadata.annotations?.[annotations.settingsHash],
      promptHash: metadata.annotations?.[annotations.promptHash],
      claim: claimOf(spec.template.spec),
    }),
  };
}

export function projectPod({ metadata, spec, status = {} }: Pod): PodView {
  const { initContainerStatuses = [], containerStatuses = [], conditions = [] } = status;
  const statuses = [...initContainerStatuses, ...containerStatuses];
  const container = (name: string) => containerView(statuses.find((candidate) => candidate.name === name));
  const scheduled = conditions.find(({ type }) => type === "PodScheduled");
  const disruption = conditions.find(isTrue("DisruptionTarget"));
  return {
    ...identity(metadata),
    jobName: text(controllerOf(metadata)?.name),
    runName: text(metadata.annotations?.[annotations.runName]),
    runUid: text(metadata.labels?.[labels.runUid]),
    round: round(metadata),
    stopAsked: spec.activeDeadlineSeconds === stopNow,
    ended: status.phase === "Succeeded" || status.phase === "Failed",
    reason: text(status.reason),
    message: text(status.message),
    gateway: container(containers.gateway),
    prepare: container(containers.prepare),
    agent: container(containers.agent),
    ...defined({
      node: spec.nodeName,
      claim: claimOf(spec),
      deletion: deletion(metadata),
      unschedulable: scheduled?.status === "False" ? text(scheduled.message) : undefined,
      disruption: disruption && { reason: text(disruption.reason), message: text(disruption.message) },
    }),
  };
}

export function projectNetworkPolicy({ metadata }: NetworkPolicy): NetworkPolicyView {
  return {
    ...identity(metadata),
    resourceVersion: text(metadata.resourceVersion),
    policyHash: text(metadata.annotations?.[annotations.policyHash]),
  };
}

/** Seconds of `activeDeadlineSeconds` by which a pod is told to end now; its own limit is never as short. */
export const stopNow = 1;

function round(metadata: ObjectMeta): number {
  return Number(metadata.labels?.[labels.round] ?? 1);
}

function claimOf({ volumes = [] }: PodSpec): string | undefined {
  return volumes.find(({ name }) => name === workspaceVolume)?.persistentVolumeClaim?.claimName;
}

function containerView(status: ContainerStatus | undefined): ContainerView {
  const { terminated, running, waiting } = status?.state ?? {};
  const last = defined({ last: terminatedView(status?.lastState?.terminated) });
  if (terminated !== undefined) return terminatedView(terminated);
  if (running !== undefined) return { type: "running", startedAt: time(running.startedAt) ?? 0, ...last };
  if (waiting === undefined) return { type: "absent" };
  return { type: "waiting", reason: text(waiting.reason), message: text(waiting.message), ...last };
}

function terminatedView(state: ContainerStateTerminated): Terminated;
function terminatedView(state: ContainerStateTerminated | undefined): Terminated | undefined;
function terminatedView(state: ContainerStateTerminated | undefined): Terminated | undefined {
  if (state === undefined) return undefined;
  const { exitCode, reason, message, startedAt, finishedAt } = state;
  const times = defined({ startedAt: time(startedAt), finishedAt: time(finishedAt) });
  return { type: "terminated", exitCode, reason: text(reason), message: text(message), ...times };
}

/** The API server sets `deletionTimestamp` to the request's time plus the grace period. */
function deletion(metadata: ObjectMeta): PodView["deletion"] {
  const dueAt = time(metadata.deletionTimestamp);
  if (dueAt === undefined) return undefined;
  return { requestedAt: dueAt - (metadata.deletionGracePeriodSeconds ?? 0) * 1000, dueAt };
}

function identity(metadata: ObjectMeta): { namespace: string; name: string; uid: string; createdAt: number } {
  return {
    namespace: text(metadata.namespace),
    name: metadata.name,
    uid: text(metadata.uid),
    createdAt: time(metadata.creationTimestamp) ?? 0,
  };
}

function isTrue(...types: string[]): (condition: Condition) => boolean {
  return ({ type, status }) => status === "True" && types.includes(type);
}

function text(value: string | undefined): string {
  return value ?? "";
}

/** Kubernetes writes the zero time (of the year 1) where it knows none. */
function time(value: string | undefined): number | undefined {
  const parsed = Date.parse(text(value));
  return parsed > 0 ? parsed : undefined;
}
