import type { ContainerState, ContainerStateTerminated, ContainerStatus } from "@orchestrator/controller-runtime";
import type { Container } from "../pod.ts";
import { type ContainerRecord, type Exit, lastExit, runIndex } from "./container-record.ts";
import { limitText } from "./message-limit.ts";

export type ContainerRole = "init" | "sidecar" | "main";

/** What a container's status depends on beside its own record. */
export interface ContainerContext {
  role: ContainerRole;
  /** It ended and will be started again. */
  restarts: boolean;
  /** It never ran, and its pod, which had begun, has ended. */
  lost: boolean;
  /** Why a container that was not made yet waits. */
  waiting: { reason: string; message?: string };
  /** Containers of the pod, among which the room for termination messages is shared. */
  containers: number;
}

// What the kubelet says of a container it cannot find any more.
export const lostExit = {
  exitCode: 137,
  reason: "ContainerStatusUnknown",
  message: "The container could not be located when the pod was terminated",
} as const;

/** Status of one container. Pure. */
export function containerStatus(
  container: Container,
  record: ContainerRecord,
  context: ContainerContext,
): ContainerStatus {
  const { state, runs } = record;
  const image = container.image ?? "";
  const last = context.restarts ? lastExit(record) : record.last;
  const containerId = state.type === "running" ? state.containerId : lastExit(record)?.containerId;
  return {
    name: container.name,
    image,
    imageID: runs > 0 ? `local://${image}` : "",
    ...(containerId === undefined ? {} : { containerID: `local://${containerId}` }),
    ready: isReady(record, context.role),
    started: state.type === "running" && state.started,
    restartCount: runIndex(record),
    state: context.lost ? { terminated: { ...lostExit } } : currentState(container, record, context),
    lastState: last === undefined ? {} : { terminated: terminated(last, context.containers) },
  };
}

/** As counted by the pod's Ready condition; an init container is ready when it has succeeded. */
function isReady({ state }: ContainerRecord, role: ContainerRole): boolean {
  if (state.type === "running") return state.ready;
  return role === "init" && state.type === "exited" && state.exit.exitCode === 0;
}

function currentState(container: Container, { state }: ContainerRecord, context: ContainerContext): ContainerState {
  switch (state.type) {
    case "new":
      return { waiting: context.waiting };
    case "starting":
      return { waiting: state.after ?? context.waiting };
    case "blocked":
      return { waiting: { reason: state.reason, message: state.message } };
    case "running":
      return { running: { startedAt: time(state.startedAt) } };
    case "exited":
      if (!context.restarts) return { terminated: terminated(state.exit, context.containers) };
      return {
        waiting: { reason: "CrashLoopBackOff", message: `back-off restarting failed container=${container.name}` },
      };
  }
}

function terminated(exit: Exit, containers: number): ContainerStateTerminated {
  const { containerId, exitCode, reason, message, startedAt, finishedAt } = exit;
  return {
    exitCode,
    reason,
    ...(message ? { message: limitText(message, containers) } : {}),
    startedAt: time(startedAt),
    finishedAt: time(finishedAt),
    ...(containerId === undefined ? {} : { containerID: `local://${containerId}` }),
  };
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
