import type { ResourceType } from "@orchestrator/controller-runtime";
import type { RunObject } from "@orchestrator/core";

const version = { group: "orchestrator.io", version: "v1", namespaced: true };

export const docsRuns: ResourceType<RunObject> = {
  ...version,
  plural: "docsgenerationruns",
  kind: "DocsGenerationRun",
};

export const implementationRuns: ResourceType<RunObject> = {
  ...version,
  plural: "taskimplementationruns",
  kind: "TaskImplementationRun",
};

const repository = {
  url: "https://github.com/example/backlog",
  branch: "main",
  provider: "GitHub",
  secretRef: { name: "repository-credentials" },
};
const budget = { maxCostUsd: "5.00" };

const specs: Record<string, object> = {
  [docsRuns.kind]: { repository, targetTasks: [1, 2], outputFormat: "Markdown", parallelism: 2, budget },
  [implementationRuns.kind]: { repository, taskId: 1, serviceName: "greeter", agentName: "ada", budget },
};

/** A run as a team would ask for it. */
export function newRun(type: ResourceType<RunObject>, key: { namespace: string; name: string }): RunObject {
  const { kind } = type;
  return { apiVersion: "orchestrator.io/v1", kind, metadata: { ...key }, spec: specs[kind] };
}
