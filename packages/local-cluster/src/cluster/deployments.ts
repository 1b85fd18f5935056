import { setTimeout as delay } from "node:timers/promises";
import {
  type Deployment,
  isApiError,
  type KubernetesClient,
  type Pod,
  resources,
} from "@orchestrator/controller-runtime";

export interface DeploymentKey {
  namespace: string;
  name: string;
}

/** A Deployment did not become available in time. */
export class DeploymentNotAvailable extends Error {
  override readonly name = "DeploymentNotAvailable";

  constructor({ namespace, name }: DeploymentKey, why: string[]) {
    super(
      `Deployment ${namespace}/${name} did not become available in time:\n${why.map((line) => `  ${line}`).join("\n")}`,
    );
  }
}

/** Whether the newest version of a Deployment is up with all its replicas, and no older one is left. */
export function isAvailable({ metadata, spec, status = {} }: Deployment): boolean {
  const replicas = spec.replicas ?? 1;
  return (
    (status.observedGeneration ?? 0) >= (metadata.generation ?? 0) &&
    status.updatedReplicas === replicas &&
    status.availableReplicas === replicas &&
    (status.replicas ?? 0) === replicas
  );
}

export interface AvailabilityOptions {
  /** Throws while the pod does not answer. */
  answers: (signal: AbortSignal) => Promise<void>;
  /** The last lines that the Deployment's pods have logged. */
  logs: (key: DeploymentKey) => Promise<string>;
  timeoutMs: number;
  signal: AbortSignal;
}

/**
 * Waits until a Deployment is available and answers.
 * @throws DeploymentNotAvailable after `timeoutMs`, with what conditions, pods, events and logs say
 */
export async function untilAvailable(
  client: KubernetesClient,
  key: DeploymentKey,
  { answers, logs, timeoutMs, signal }: AvailabilityOptions,
): Promise<void> {
  const deadline = AbortSignal.timeout(timeoutMs);
  let why = await notAvailable(client, key, answers, signal);
  while (why !== undefined) {
    if (deadline.aborted) {
      const told = await describeDeployment(client, key, signal);
      throw new DeploymentNotAvailable(key, [why, ...told, "last lines logged:", ...(await logs(key)).split("\n")]);
    }
    await delay(200, undefined, { signal });
    why = await notAvailable(client, key, answers, signal);
  }
}

async function notAvailable(
  client: KubernetesClient,
  key: DeploymentKey,
  answers: AvailabilityOptions["answers"],
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!isAvailable(await client.get(resources.deployments, key, { signal }))) return "it has no ready pod";
  try {
    await answers(signal);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return `its pod does not answer: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** `available`, `not available` or `not installed`. */
export async function deploymentState(
  client: KubernetesClient,
  key: DeploymentKey,
  signal: AbortSignal,
): Promise<string> {
  try {
    return isAvailable(await client.get(resources.deployments, key, { signal })) ? "available" : "not available";
  } catch (error) {
    if (isApiError(error, "NotFound")) return "not installed";
    throw error;
  }
}

async function describeDeployment(
  client: KubernetesClient,
  key: DeploymentKey,
  signal: AbortSignal,
): Promise<string[]> {
  const { namespace, name } = key;
  const deployment = await client.get(resources.deployments, key, { signal });
  const labelSelector = `app.kubernetes.io/name=${name}`;
  const pods = await client.list(resources.pods, { namespace, labelSelector, signal });
  const events = await client.list(resources.events, { namespace, signal });
  return [
    ...(deployment.status?.conditions ?? []).map(
      ({ type, status, message }) => `condition ${type} is ${status}: ${message ?? ""}`,
    ),
    ...pods.items.flatMap(describePod),
    ...events.items
      .filter(({ type, regarding }) => type === "Warning" && regarding.name.startsWith(name))
      .map(({ regarding, reason, note }) => `event of ${regarding.kind} ${regarding.name}: ${reason}: ${note ?? ""}`)
      .slice(-5),
  ];
}

/** How a pod stands, container by container. */
export function describePod({ metadata, status }: Pod): string[] {
  const containers = (status?.containerStatuses ?? []).map(
    ({ name, ready, restartCount, state = {}, lastState = {} }) => {
      const ended = state.terminated ?? lastState.terminated;
      const words = [
        `container ${name}: ${ready ? "ready" : "not ready"}, ${restartCount} restarts`,
        state.waiting && `waiting: ${state.waiting.reason ?? ""} ${state.waiting.message ?? ""}`.trim(),
        ended && `last ended with ${ended.exitCode} ${ended.reason ?? ""} ${ended.message ?? ""}`.trim(),
      ];
      return words.filter(Boolean).join("; ");
    },
  );
  return [`pod ${metadata.name} is ${status?.phase ?? "Pending"}`, ...containers];
}
