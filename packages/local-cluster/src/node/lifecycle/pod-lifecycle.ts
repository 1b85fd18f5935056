import { type Container, isSidecar, type Pod } from "../pod.ts";
import { type BackOff, crashDelay } from "./back-off.ts";
import { type ContainerRecord, isAlive } from "./container-record.ts";

export type VolumeState =
  | { type: "pending" }
  /** `message` is what stood in the way until now. */
  | { type: "preparing"; message?: string }
  | { type: "ready" }
  | { type: "failed"; message: string; retryAt: number };

/** Why a pod is being ended. Once there is an ending, there is no way back. */
export type EndingCause = "completed" | "initFailed" | "deadline" | "deletion" | "lost";

export interface Ending {
  cause: EndingCause;
  /** When SIGKILL follows. */
  killAt: number;
}

/** What the node knows of a pod, beside the object itself. Times are milliseconds since the epoch. */
export interface Observation {
  now: number;
  startTime: number;
  containers: ReadonlyMap<string, ContainerRecord>;
  volumes: VolumeState;
  ending?: Ending | undefined;
  crashBackOff: BackOff;
}

export type Action =
  | { type: "prepareVolumes" }
  | { type: "start"; container: string }
  /** SIGTERM now, SIGKILL at `killAt`; an earlier `killAt` replaces a later one. */
  | { type: "stop"; container: string; killAt: number };

export interface Step {
  actions: Action[];
  ending?: Ending;
  /** The pod has ended and nothing of it runs any more. */
  finished: boolean;
  /** When to look again though nothing has happened. */
  wakeAt?: number;
}

// The kubelet gives a sidecar this much even when the pod's grace is used up.
const minimumSidecarGraceMs = 2_000;

/** What to do next for a pod, given what is. Pure. */
export function nextStep(pod: Pod, observed: Observation): Step {
  const ending = endingOf(pod, observed);
  if (ending !== undefined) return endingStep(pod, observed, ending);
  const plan = startsOf(pod, observed);
  plan.actions.push(...condemnedOf(observed));
  const deadline = deadlineOf(pod, observed);
  const wakeAt = Math.min(plan.wakeAt, deadline);
  return { actions: plan.actions, finished: false, ...(Number.isFinite(wakeAt) ? { wakeAt } : {}) };
}

/** Whether the main containers were reached: from then on sidecars no longer hold anything back. */
export function isInitialized(pod: Pod, containers: ReadonlyMap<string, ContainerRecord>): boolean {
  return pod.spec.containers.some(({ name }) => recordOf(containers, name).runs > 0);
}

export function recordOf(containers: ReadonlyMap<string, ContainerRecord>, name: string): ContainerRecord {
  const record = containers.get(name);
  if (record === undefined) throw new Error(`container ${name} has no record`);
  return record;
}

function endingOf(pod: Pod, observed: Observation): Ending | undefined {
  const { ending: known, now } = observed;
  const cause = known?.cause ?? causeOf(pod, observed);
  if (cause === undefined) return undefined;
  const { metadata, spec } = pod;
  const graceSeconds =
    (metadata.deletionTimestamp === undefined ? undefined : metadata.deletionGracePeriodSeconds) ??
    spec.terminationGracePeriodSeconds ??
    30;
  return { cause, killAt: Math.min(known?.killAt ?? Number.POSITIVE_INFINITY, now + graceSeconds * 1000) };
}

function causeOf(pod: Pod, observed: Observation): EndingCause | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) return "deletion";
  if (observed.now >= deadlineOf(pod, observed)) return "deadline";
  if (initFailed(pod, observed.containers)) return "initFailed";
  const { containers } = pod.spec;
  if (containers.every(({ name }) => isDone(pod, recordOf(observed.containers, name)))) return "completed";
  return undefined;
}

function deadlineOf(pod: Pod, { startTime }: Observation): number {
  const { activeDeadlineSeconds } = pod.spec;
  return activeDeadlineSeconds === undefined ? Number.POSITIVE_INFINITY : startTime + activeDeadlineSeconds * 1000;
}

/** An init container has failed for good. */
function initFailed(pod: Pod, containers: ReadonlyMap<string, ContainerRecord>): boolean {
  if (pod.spec.restartPolicy !== "Never") return false;
  return regularInitContainers(pod).some(({ name }) => {
    const { state } = recordOf(containers, name);
    return state.type === "exited" && state.exit.exitCode !== 0;
  });
}

/** A main container that has ended and is not started again. */
export function isDone(pod: Pod, { state }: ContainerRecord): boolean {
  if (state.type !== "exited") return false;
  switch (pod.spec.restartPolicy ?? "Always") {
    case "Never":
      return true;
    case "OnFailure":
      return state.exit.exitCode === 0;
    case "Always":
      return false;
  }
}

interface StartPlan {
  actions: Action[];
  wakeAt: number;
}

function startsOf(pod: Pod, observed: Observation): StartPlan {
  const plan: StartPlan = { actions: [], wakeAt: Number.POSITIVE_INFINITY };
  if (!volumesAreReady(observed, plan)) return plan;
  const initialized = isInitialized(pod, observed.containers);
  for (const container of pod.spec.initContainers ?? []) {
    const record = recordOf(observed.containers, container.name);
    if (isSidecar(container)) {
      planStart(container, record, { observed, plan });
      if (!initialized && !hasStarted(record)) return plan;
    } else if (!initialized && !hasSucceeded(record)) {
      planStart(container, record, { observed, plan });
      return plan;
    }
  }
  for (const container of pod.spec.containers) {
    const record = recordOf(observed.containers, container.name);
    if (!isDone(pod, record)) planStart(container, record, { observed, plan });
  }
  return plan;
}

function volumesAreReady({ volumes, now }: Observation, plan: StartPlan): boolean {
  switch (volumes.type) {
    case "ready":
      return true;
    case "preparing":
      return false;
    case "pending":
      plan.actions.push({ type: "prepareVolumes" });
      return false;
    case "failed":
      if (volumes.retryAt <= now) plan.actions.push({ type: "prepareVolumes" });
      else plan.wakeAt = volumes.retryAt;
      return false;
  }
}

function planStart(
  { name }: Container,
  record: ContainerRecord,
  { observed, plan }: { observed: Observation; plan: StartPlan },
): void {
  const dueAt = dueAtOf(record, observed.crashBackOff);
  if (dueAt === undefined) return;
  if (dueAt <= observed.now) plan.actions.push({ type: "start", container: name });
  else plan.wakeAt = Math.min(plan.wakeAt, dueAt);
}

function dueAtOf({ state, crashes }: ContainerRecord, backOff: BackOff): number | undefined {
  switch (state.type) {
    case "new":
      return 0;
    case "blocked":
      return state.retryAt;
    case "exited":
      return state.exit.finishedAt + crashDelay(crashes, backOff);
    case "starting":
    case "running":
      return undefined;
  }
}

function hasStarted({ state }: ContainerRecord): boolean {
  return state.type === "running" && state.started;
}

function hasSucceeded({ state }: ContainerRecord): boolean {
  return state.type === "exited" && state.exit.exitCode === 0;
}

function condemnedOf({ containers, now }: Observation): Action[] {
  return [...containers].flatMap(([container, { state }]) =>
    state.type === "running" && state.condemned !== undefined && state.killAt === undefined
      ? [{ type: "stop" as const, container, killAt: now + state.condemned.graceSeconds * 1000 }]
      : [],
  );
}

function endingStep(pod: Pod, { containers, now }: Observation, ending: Ending): Step {
  const alive = (container: Container): boolean => isAlive(recordOf(containers, container.name));
  const others = [...regularInitContainers(pod), ...pod.spec.containers].filter(alive);
  const lastSidecar = (pod.spec.initContainers ?? []).filter(isSidecar).findLast(alive);
  if (others.length === 0 && lastSidecar === undefined) return { actions: [], ending, finished: true };
  const [stopping, killAt] =
    others.length > 0 || lastSidecar === undefined
      ? [others, ending.killAt]
      : [[lastSidecar], Math.max(ending.killAt, now + minimumSidecarGraceMs)];
  const actions = stopping.flatMap(({ name }): Action[] => {
    const { state } = recordOf(containers, name);
    const needed = state.type === "running" && (state.killAt === undefined || killAt < state.killAt);
    return needed ? [{ type: "stop", container: name, killAt }] : [];
  });
  return { actions, ending, finished: false };
}

function regularInitContainers(pod: Pod): Container[] {
  return (pod.spec.initContainers ?? []).filter((container) => !isSidecar(container));
}
