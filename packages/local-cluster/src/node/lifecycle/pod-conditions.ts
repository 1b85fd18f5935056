import type { Condition, ContainerStatus } from "@orchestrator/controller-runtime";
import type { Phase } from "./pod-phase.ts";

type Verdict = Pick<Condition, "status" | "reason" | "message">;

/** The conditions that a node owns. A condition that stays as it is keeps its transition time. */
export function podConditions(input: {
  phase: Phase;
  initialized: boolean;
  /** Volumes are there, so that containers can be made. */
  prepared: boolean;
  initContainers: ContainerStatus[];
  /** All whose readiness counts: sidecars and main containers. */
  serving: ContainerStatus[];
  previous: Condition[];
  now: number;
}): Condition[] {
  const { phase, previous, now } = input;
  const ended = phase === "Succeeded" || phase === "Failed";
  const readiness = readinessOf(phase, input.serving);
  const verdicts: Record<string, Verdict> = {
    PodReadyToStartContainers: { status: input.prepared && !ended ? "True" : "False" },
    Initialized: initializationOf(input),
    Ready: readiness,
    ContainersReady: readiness,
  };
  return Object.entries(verdicts).map(([type, verdict]) => {
    const before = previous.find((condition) => condition.type === type);
    const kept = before?.status === verdict.status ? before.lastTransitionTime : undefined;
    return { type, ...verdict, lastTransitionTime: kept ?? new Date(now).toISOString() };
  });
}

function initializationOf(input: { phase: Phase; initialized: boolean; initContainers: ContainerStatus[] }): Verdict {
  if (input.phase === "Succeeded") return { status: "True", reason: "PodCompleted" };
  if (input.initialized) return { status: "True" };
  const names = input.initContainers.filter(({ ready }) => !ready).map(({ name }) => name);
  return {
    status: "False",
    reason: "ContainersNotInitialized",
    message: `containers with incomplete status: [${names.join(" ")}]`,
  };
}

function readinessOf(phase: Phase, serving: ContainerStatus[]): Verdict {
  if (phase === "Succeeded") return { status: "False", reason: "PodCompleted" };
  if (phase === "Failed") return { status: "False", reason: "PodFailed" };
  const names = serving.filter(({ ready }) => !ready).map(({ name }) => name);
  if (names.length === 0) return { status: "True" };
  return {
    status: "False",
    reason: "ContainersNotReady",
    message: `containers with unready status: [${names.join(" ")}]`,
  };
}
