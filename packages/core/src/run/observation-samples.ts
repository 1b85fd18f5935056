import type { Job, Pod, PodStatus } from "@orchestrator/controller-runtime";
import type { AgentMessage, GatewayMessage } from "../pod/termination-message.ts";
import type { AttemptSettings } from "./job-handler.ts";
import { annotations, labels } from "./labels.ts";
import { noUsage } from "./round-usage.ts";
import { planOf } from "./run-plan.ts";
import { type ContainerView, type JobView, type Observation, type PodView, type RunView } from "./observation.ts";

// Observations for tests, in which everything is as usual but for what a test says.

export const startOfRun = Date.parse("2026-01-01T00:00:00Z");
export const seconds = 1000;
export const minutes = 60 * seconds;

export const attemptSettings: AttemptSettings = {
  agentImage: "agent:1",
  modelBaseUrl: "https://model.example",
  modelSecretName: "model",
  keepWork: true,
  workspaceAccessMode: "ReadWriteOnce",
  gracePeriodMs: 90_000,
};

export function aRun(changes: Partial<RunView> = {}): RunView {
  const { spec = { timeout: "1h", pendingTimeout: "10m" } } = changes;
  return {
    namespace: "team-a",
    name: "a-run",
    uid: "run-uid",
    resourceVersion: "7",
    generation: 1,
    createdAt: startOfRun,
    deleting: false,
    spec,
    plan: planOf(spec, { timeout: "1h", maxAgentRetries: 1 }),
    status: { phase: "Pending" },
    ...changes,
  };
}

export function aJob(changes: Partial<JobView> = {}): JobView {
  return {
    namespace: "team-a",
    name: "docs-a-run-1",
    uid: "job-uid",
    runName: "a-run",
    runUid: "run-uid",
    round: 1,
    createdAt: startOfRun,
    deleting: false,
    ...changes,
  };
}

export function aPod(changes: Partial<PodView> = {}): PodView {
  return {
    namespace: "team-a",
    name: "docs-a-run-1-x",
    uid: "pod-uid",
    jobName: "docs-a-run-1",
    runName: "a-run",
    runUid: "run-uid",
    round: 1,
    createdAt: startOfRun,
    stopAsked: false,
    ended: false,
    reason: "",
    message: "",
    node: "node-1",
    gateway: { type: "absent" },
    prepare: { type: "absent" },
    agent: { type: "absent" },
    ...changes,
  };
}

export function anObservation(changes: Partial<Observation> = {}): Observation {
  return {
    run: aRun(),
    attempt: { number: 1, round: 1, name: "docs-a-run-1" },
    jobSeen: changes.job !== undefined,
    others: { jobs: [], pods: [] },
    ...changes,
  };
}

export function running(startedAt: number = startOfRun + 5 * seconds): ContainerView {
  return { type: "running", startedAt };
}

export function waiting(reason: string, message = ""): ContainerView {
  return { type: "waiting", reason, message };
}

export function exited(exitCode: number, options: { message?: unknown; reason?: string; finishedAt?: number } = {}) {
  const { message, reason = exitCode === 0 ? "Completed" : "Error", finishedAt = startOfRun + 60 * seconds } = options;
  const text = typeof message === "string" ? message : message === undefined ? "" : JSON.stringify(message);
  return {
    type: "terminated",
    exitCode,
    reason,
    message: text,
    startedAt: startOfRun + 5 * seconds,
    finishedAt,
  } as const satisfies ContainerView;
}

/** A pod whose containers have all ended, with what they reported. */
export function anEndedPod(
  told: { gateway?: Partial<GatewayMessage>; agent?: Partial<AgentMessage>; exitCode?: number } = {},
  changes: Partial<PodView> = {},
): PodView {
  return aPod({
    ended: true,
    gateway: exited(0, told.gateway && { message: { version: 1, usage: noUsage, ...told.gateway } }),
    prepare: exited(0),
    agent: exited(told.exitCode ?? 0, told.agent && { message: { version: 1, ...told.agent } }),
    ...changes,
  });
}

/** Objects as the API server sends them, for the projections. */
export function aJobObject(status: Job["status"] = {}): Job {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      namespace: "team-a",
      name: "docs-a-run-1",
      uid: "job-uid",
      creationTimestamp: "2026-01-01T00:00:00Z",
      ownerReferences: [
        { apiVersion: "v1", kind: "Other", name: "other", uid: "other-uid" },
        {
          apiVersion: "orchestrator.io/v1",
          kind: "DocsGenerationRun",
          name: "a-run",
          uid: "run-uid",
          controller: true,
        },
      ],
      annotations: { [annotations.settingsHash]: "sha256:s", [annotations.promptHash]: "sha256:p" },
    },
    spec: { template: { spec: { containers: [{ name: "agent", image: "agent:1" }] } } },
    status,
  };
}

export function aPodObject(status: PodStatus | undefined, metadata: Partial<Pod["metadata"]> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      namespace: "team-a",
      name: "docs-a-run-1-x",
      uid: "pod-uid",
      creationTimestamp: "2026-01-01T00:00:00Z",
      labels: { [labels.runUid]: "run-uid" },
      annotations: { [annotations.runName]: "a-run" },
      ownerReferences: [
        { apiVersion: "batch/v1", kind: "Job", name: "docs-a-run-1", uid: "job-uid", controller: true },
      ],
      ...metadata,
    },
    spec: { containers: [], nodeName: "node-1" },
    ...(status && { status }),
  };
}
