import type { AgentMessage, GatewayMessage } from "@orchestrator/core";

const gateway: GatewayMessage = {
  version: 1,
  usage: {
    inputTokens: 18_250,
    outputTokens: 9_400,
    cacheReadTokens: 240_000,
    cacheCreationTokens: 31_000,
    costUsd: "0.84",
    turns: 12,
  },
  model: "claude-opus-5-5",
  delivery: {
    outcome: "Delivered",
    result: {
      branch: "orchestrator/docs/sample-run",
      commit: "4f5e1c0de4f5e1c0de4f5e1c0de4f5e1c0de4f5e",
      pullRequest: { number: 7, url: "https://github.com/example/backlog/pull/7" },
    },
    tasks: { delivered: "1-2", upToDate: "", failed: "" },
  },
};

const agent: AgentMessage = { version: 1, sessionId: "1f0c6f2e-6a6e-4a3e-9d59-3a1f0f2b8a11", agentVersion: "2.1.330" };

/** The status of a Pod whose agent works. */
export function runningPod(): object {
  return {
    phase: "Running",
    initContainerStatuses: [container("gateway", running()), container("prepare", terminated())],
    containerStatuses: [container("agent", running())],
  };
}

/** The status of a Pod whose agent has delivered. */
export function endedPod(): object {
  return {
    phase: "Succeeded",
    initContainerStatuses: [container("gateway", terminated(gateway)), container("prepare", terminated())],
    containerStatuses: [container("agent", terminated(agent))],
  };
}

/** The status of a Job whose only Pod has succeeded, as the Job controller writes it. */
export function endedJob(): object {
  const time = now();
  const reached = {
    status: "True",
    reason: "CompletionsReached",
    message: "Reached expected number of succeeded pods",
  };
  const conditions = ["SuccessCriteriaMet", "Complete"].map((type) => ({
    type,
    ...reached,
    lastProbeTime: time,
    lastTransitionTime: time,
  }));
  return {
    startTime: time,
    completionTime: time,
    succeeded: 1,
    ready: 0,
    terminating: 0,
    uncountedTerminatedPods: {},
    conditions,
  };
}

function container(name: string, state: object): object {
  return { name, ready: false, restartCount: 0, image: "orchestrator/agent:0.1.0", imageID: "", state };
}

function running(): object {
  return { running: { startedAt: now() } };
}

function terminated(message?: object): object {
  const told = message === undefined ? {} : { message: JSON.stringify(message) };
  return { terminated: { exitCode: 0, reason: "Completed", startedAt: now(), finishedAt: now(), ...told } };
}

function now(): string {
  return new Date().toISOString();
}
