import type { Condition, ContainerStatus, PodStatus } from "@orchestrator/controller-runtime";
import { allContainers, type Container, isSidecar, type Pod } from "../pod.ts";
import { type ContainerRecord, lastExit } from "./container-record.ts";
import { type ContainerRole, containerStatus } from "./container-status.ts";
import { podConditions } from "./pod-conditions.ts";
import { type Ending, isDone, isInitialized, type Observation, recordOf, type Step } from "./pod-lifecycle.ts";
import { podPhase } from "./pod-phase.ts";

/** Where the pods of the node are. */
export const hostAddress = "127.0.0.1";

/** The part of a pod's status that the node owns, for a strategic merge. */
export type OwnedStatus = PodStatus & { observedGeneration?: number; hostIPs: { ip: string }[] };

/** The status of a pod, given what the node knows of it. `conditions` are those that were last written. Pure. */
export function podStatus(
  pod: Pod,
  observed: Observation,
  step: Pick<Step, "ending" | "finished"> & { conditions: Condition[] },
): OwnedStatus {
  const { containers, now, startTime, volumes } = observed;
  const phase = podPhase(pod, containers, step);
  const statusOf = (container: Container): ContainerStatus => {
    const record = recordOf(containers, container.name);
    const role = roleOf(pod, container);
    return containerStatus(container, record, {
      role,
      restarts: step.ending === undefined && restarts(pod, record, role),
      lost: step.finished && lastExit(record) === undefined && isInitialized(pod, containers),
      waiting: waitingOf(pod, volumes),
      containers: allContainers(pod).length,
    });
  };
  const initContainers = (pod.spec.initContainers ?? []).map(statusOf);
  const main = pod.spec.containers.map(statusOf);
  const sidecars = initContainers.filter((_, index) => isSidecar(pod.spec.initContainers?.[index] ?? { name: "" }));
  const prepared = volumes.type === "ready";
  const { generation } = pod.metadata;
  return {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    ...(step.finished ? endingText(step.ending) : {}),
    startTime: new Date(startTime).toISOString(),
    hostIP: hostAddress,
    hostIPs: [{ ip: hostAddress }],
    ...(prepared ? { podIP: hostAddress, podIPs: [{ ip: hostAddress }] } : {}),
    conditions: podConditions({
      phase,
      initialized: isInitialized(pod, containers) || initContainers.every(isInitDone(pod)),
      prepared,
      initContainers,
      serving: [...sidecars, ...main],
      previous: step.conditions,
      now,
    }),
    ...(initContainers.length > 0 ? { initContainerStatuses: initContainers } : {}),
    containerStatuses: main,
  };
}

function roleOf(pod: Pod, container: Container): ContainerRole {
  if (isSidecar(container)) return "sidecar";
  return pod.spec.initContainers?.includes(container) ? "init" : "main";
}

function isInitDone(pod: Pod): (status: ContainerStatus, index: number) => boolean {
  return (status, index) => {
    const container = pod.spec.initContainers?.[index];
    return container !== undefined && isSidecar(container) ? status.started === true : status.ready;
  };
}

function restarts(pod: Pod, record: ContainerRecord, role: ContainerRole): boolean {
  if (record.state.type !== "exited") return false;
  switch (role) {
    case "sidecar":
      return true;
    case "init":
      return record.state.exit.exitCode !== 0 && pod.spec.restartPolicy !== "Never";
    case "main":
      return !isDone(pod, record);
  }
}

function waitingOf(pod: Pod, volumes: Observation["volumes"]): { reason: string; message?: string } {
  const reason = (pod.spec.initContainers ?? []).length > 0 ? "PodInitializing" : "ContainerCreating";
  const message = "message" in volumes ? volumes.message : undefined;
  return message === undefined ? { reason } : { reason, message };
}

function endingText(ending: Ending | undefined): { reason?: string; message?: string } {
  switch (ending?.cause) {
    case "deadline":
      return { reason: "DeadlineExceeded", message: "Pod was active on the node longer than the specified deadline" };
    case "lost":
      return { reason: "NodeLost", message: "The node was started again; the pod's processes had ended with it" };
    case "completed":
    case "deletion":
    case "initFailed":
    case undefined:
      return {};
  }
}
