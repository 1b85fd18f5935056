import type { AgentMessage, GatewayMessage, PrepareMessage } from "@orchestrator/core";

export interface PodEnd {
  gateway?: GatewayMessage;
  agent?: AgentMessage;
  /** Of the agent's container. Default: 0. */
  exitCode?: number;
  /** Why the agent's container ended. Default: as the exit code says. */
  because?: string;
  /** Laid over the pod's status. */
  status?: Record<string, unknown>;
}

type Status = Record<string, unknown>;

// What a kubelet reports of the pod of a run.

/** The agent's container runs. */
export function agentStarted(): Status {
  return {
    phase: "Running",
    initContainerStatuses: [container("gateway", running()), container("prepare", terminated(0))],
    containerStatuses: [container("agent", running())],
  };
}

/** Every container has ended, the gateway and the agent with these reports. */
export function podEnded({ gateway, agent, exitCode = 0, because, status }: PodEnd): Status {
  return {
    phase: exitCode === 0 ? "Succeeded" : "Failed",
    initContainerStatuses: [container("gateway", terminated(0, gateway)), container("prepare", terminated(0))],
    containerStatuses: [container("agent", terminated(exitCode, agent, because))],
    ...status,
  };
}

/** The pod was taken from its node, for this reason of the condition DisruptionTarget; its gateway may still report. */
export function podDisrupted(reason: string, gateway?: GatewayMessage): Status {
  const lastTransitionTime = new Date().toISOString();
  const conditions = [{ type: "DisruptionTarget", status: "True", reason, message: "by the test", lastTransitionTime }];
  return podEnded({ ...(gateway && { gateway }), exitCode: 143, status: { conditions } });
}

/** `prepare` has ended the pod. */
export function preparationFailed(message: PrepareMessage): Status {
  return {
    phase: "Failed",
    initContainerStatuses: [container("gateway", terminated(0)), container("prepare", terminated(1, message))],
    containerStatuses: [container("agent", { waiting: { reason: "PodInitializing" } })],
  };
}

/** The gateway's container cannot start. */
export function gatewayBlocked(reason: string): Status {
  const waiting = { reason, message: "by the test" };
  return { phase: "Pending", initContainerStatuses: [container("gateway", { waiting })], containerStatuses: [] };
}

/** The scheduler finds no node. */
export function unschedulable(): Status {
  const lastTransitionTime = new Date().toISOString();
  const scheduled = { type: "PodScheduled", status: "False", reason: "Unschedulable", message: "no room" };
  return { conditions: [{ ...scheduled, lastTransitionTime }] };
}

function container(name: string, state: Record<string, unknown>): Record<string, unknown> {
  return { name, ready: false, restartCount: 0, image: "orchestrator/agent:dev", imageID: "", state };
}

function running(): Record<string, unknown> {
  return { running: { startedAt: new Date().toISOString() } };
}

function terminated(exitCode: number, message?: unknown, because?: string): Record<string, unknown> {
  const now = new Date().toISOString();
  return {
    terminated: {
      exitCode,
      reason: because ?? (exitCode === 0 ? "Completed" : "Error"),
      startedAt: now,
      finishedAt: now,
      ...(message !== undefined && { message: JSON.stringify(message) }),
    },
  };
}
