import type { KubernetesClient, ResourceType } from "@orchestrator/controller-runtime";
import type { RunObject, RunStatus } from "@orchestrator/core";
import { waitFor } from "./wait.ts";

export const docsRuns: ResourceType<RunObject> = {
  group: "orchestrator.io",
  version: "v1",
  plural: "docsgenerationruns",
  kind: "DocsGenerationRun",
  namespaced: true,
};

export const implementationRuns: ResourceType<RunObject> = {
  group: "orchestrator.io",
  version: "v1",
  plural: "taskimplementationruns",
  kind: "TaskImplementationRun",
  namespaced: true,
};

/** Keeps a run's pod from every node, so that a test can play the kubelet. */
const unscheduled = { nodeSelector: { "orchestrator.io/played-by": "a-test" } };

/** A test that does not speak of new attempts has none. */
const retryConfig = { maxInfrastructureRetries: 0, maxAgentRetries: 0 };

const repository = { url: "https://forge.example/team/backlog", provider: "None" };

export function docsRun(namespace: string, name: string, spec: Record<string, unknown> = {}): RunObject {
  return {
    apiVersion: "orchestrator.io/v1",
    kind: "DocsGenerationRun",
    metadata: { namespace, name },
    spec: { repository, pod: unscheduled, retryConfig, ...spec },
  };
}

export function implementationRun(namespace: string, name: string, spec: Record<string, unknown> = {}): RunObject {
  return {
    apiVersion: "orchestrator.io/v1",
    kind: "TaskImplementationRun",
    metadata: { namespace, name },
    spec: { repository, pod: unscheduled, retryConfig, taskId: 1, serviceName: "greeter", agentName: "ada", ...spec },
  };
}

/** Waits until a run's status is as asked; a wait in vain prints the status. */
export function waitForRun(
  client: KubernetesClient,
  type: ResourceType<RunObject>,
  key: { namespace: string; name: string },
  what: string,
  holds: (status: Partial<RunStatus>) => boolean,
): Promise<RunObject> {
  return waitFor(`${type.kind} ${key.name} ${what}`, async (signal) => {
    const run = await client.get(type, key, { signal });
    return holds(run.status ?? {}) ? { done: run } : { pending: run.status };
  });
}
