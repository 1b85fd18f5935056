import {
  type ContainerStatus,
  isApiError,
  type KubernetesClient,
  type Pod,
  type PodSpec,
  resources,
} from "@orchestrator/controller-runtime";
import type { TestNode } from "./node.ts";
import { waitFor } from "./wait.ts";

/** Pods of one test, in one namespace and on one node. */
export class TestPods {
  readonly #client: KubernetesClient;
  readonly #namespace: string;
  readonly #place: TestNode["place"];

  constructor(options: { client: KubernetesClient; namespace: string; place: TestNode["place"] }) {
    this.#client = options.client;
    this.#namespace = options.namespace;
    this.#place = options.place;
  }

  /** By default it is never restarted and has 5 seconds to end. */
  async create(name: string, spec: PodSpec): Promise<void> {
    const pod: Pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace: this.#namespace, labels: { app: name } },
      spec: { restartPolicy: "Never", terminationGracePeriodSeconds: 5, ...this.#place, ...spec },
    };
    await this.#client.create(resources.pods, pod, { signal: AbortSignal.timeout(60_000) });
  }

  /** Waits until `pick` answers something for the pod. */
  until<T>(name: string, what: string, pick: (pod: Pod) => T | undefined): Promise<T> {
    return waitFor(`pod ${name}: ${what}`, async (signal) => {
      const pod = await this.#client.get(resources.pods, { namespace: this.#namespace, name }, { signal });
      const found = pick(pod);
      return found === undefined ? { pending: pod.status } : { done: found };
    });
  }

  /** The pod, once it has Succeeded or Failed. */
  ended(name: string): Promise<Pod> {
    return this.until(name, "has ended", (pod) => (isOver(pod) ? pod : undefined));
  }

  running(name: string): Promise<Pod> {
    return this.until(name, "runs", (pod) => (pod.status?.phase === "Running" ? pod : undefined));
  }

  /** Changes the pod's spec. */
  async patch(name: string, spec: Partial<PodSpec>): Promise<void> {
    const key = { namespace: this.#namespace, name };
    await this.#client.patch(resources.pods, key, { spec }, { type: "merge", signal: AbortSignal.timeout(60_000) });
  }

  async delete(name: string, gracePeriodSeconds?: number): Promise<void> {
    const key = { namespace: this.#namespace, name };
    await this.#client.delete(resources.pods, key, { gracePeriodSeconds, signal: AbortSignal.timeout(60_000) });
  }

  /** Deletes the pod and waits for that; answers its last state. */
  async deleteAndWatch(name: string): Promise<Pod> {
    const signal = AbortSignal.timeout(30_000);
    const { metadata } = await this.#client.get(resources.pods, { namespace: this.#namespace, name }, { signal });
    await this.delete(name);
    const events = await this.#client.watch(resources.pods, {
      namespace: this.#namespace,
      fieldSelector: `metadata.name=${name}`,
      resourceVersion: metadata.resourceVersion,
      signal,
    });
    for await (const event of events) if (event.type === "DELETED") return event.object;
    throw new Error(`the watch of pod ${name} ended before the pod was deleted`);
  }

  /** Waits until there is no pod of this name. */
  gone(name: string): Promise<true> {
    return waitFor(`pod ${name} to be gone`, async (signal) => {
      try {
        const pod = await this.#client.get(resources.pods, { namespace: this.#namespace, name }, { signal });
        return { pending: [pod.metadata, pod.status] };
      } catch (error) {
        if (isApiError(error, "NotFound")) return { done: true as const };
        throw error;
      }
    });
  }
}

function isOver({ status }: Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

/** Status of one of the pod's containers, init containers included. */
export function containerOf(pod: Pod, name: string): ContainerStatus {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const found = [...initContainerStatuses, ...containerStatuses].find((status) => status.name === name);
  if (found === undefined) throw new Error(`pod ${pod.metadata.name} has no status of container ${name}`);
  return found;
}

/** What a container has left behind: exit code, reason and message of its end. */
export function endOf(pod: Pod, name: string): { exitCode?: number; reason?: string; message?: string } {
  const { exitCode, reason, message } = containerOf(pod, name).state?.terminated ?? {};
  return {
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  };
}
