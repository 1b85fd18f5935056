import {
  type Clock,
  isApiError,
  type KubernetesClient,
  type Lease,
  type Logger,
  microTime,
  type Node,
  resources,
  sleep,
} from "@orchestrator/controller-runtime";
import { createUnlessThere } from "../create-unless-there.ts";
import { nodeObject, nodeStatus, type Taint } from "./node-object.ts";

const leaseNamespace = "kube-node-lease";
const leaseSeconds = 40;
// As a kubelet that has nothing new to say of itself.
const statusIntervalMs = 300_000;

export interface RegistrationOptions {
  client: KubernetesClient;
  clock: Clock;
  logger: Logger;
  name: string;
  /** Given to the node when it is first registered. */
  taints: readonly Taint[];
  port: number;
  capacity: Readonly<Record<string, string>>;
  heartbeatMs: number;
}

/** Makes the node known to the API server, or known again, as ready. */
export async function register(options: RegistrationOptions, signal: AbortSignal): Promise<void> {
  const { client, name, taints } = options;
  await createUnlessThere(() => client.create(resources.nodes, nodeObject(name, taints), { signal }));
  await writeStatus(options, signal);
  await renewLease(options, signal);
}

/**
 * Renews the node's Lease and, more rarely, its status; a node that was deleted is registered anew. What fails is logged
 * and tried again at the next heartbeat. Rejects with the signal's reason when that aborts.
 */
export async function keepAlive(options: RegistrationOptions, signal: AbortSignal): Promise<never> {
  const { clock, heartbeatMs, logger } = options;
  let statusAt = clock.now() + statusIntervalMs;
  for (;;) {
    await sleep(clock, heartbeatMs, signal);
    try {
      await renewLease(options, signal);
      if (clock.now() < statusAt) continue;
      await writeStatusOrRegister(options, signal);
      statusAt = clock.now() + statusIntervalMs;
    } catch (err) {
      signal.throwIfAborted();
      logger.warn({ err }, "node heartbeat not written, trying again");
    }
  }
}

async function writeStatusOrRegister(options: RegistrationOptions, signal: AbortSignal): Promise<void> {
  try {
    await writeStatus(options, signal);
  } catch (error) {
    if (!isApiError(error, "NotFound")) throw error;
    await register(options, signal);
  }
}

async function writeStatus(options: RegistrationOptions, signal: AbortSignal): Promise<void> {
  const { client, clock, name, port, capacity } = options;
  const previous: Node = await client.get(resources.nodes, { name }, { signal });
  const status = nodeStatus({ name, port, capacity, now: clock.now(), previous });
  await client.patch(resources.nodes, { name }, { status }, { type: "strategic", subresource: "status", signal });
}

async function renewLease({ client, clock, name }: RegistrationOptions, signal: AbortSignal): Promise<void> {
  const key = { namespace: leaseNamespace, name };
  const spec = { holderIdentity: name, leaseDurationSeconds: leaseSeconds, renewTime: microTime(clock.now()) };
  try {
    await client.patch(resources.leases, key, { spec }, { type: "merge", signal });
  } catch (error) {
    if (!isApiError(error, "NotFound")) throw error;
    const lease: Lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: key, spec };
    await createUnlessThere(() => client.create(resources.leases, lease, { signal }));
  }
}
