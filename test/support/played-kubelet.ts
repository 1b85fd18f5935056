import {
  type Job,
  type KubernetesClient,
  type ObjectMeta,
  type Pod,
  resources,
} from "@orchestrator/controller-runtime";
import type { GatewayMessage, PrepareMessage } from "@orchestrator/core";
import { agentStarted, type PodEnd, podDisrupted, podEnded, preparationFailed } from "./pod-states.ts";
import { waitFor } from "./wait.ts";

/** What a kubelet would report of the pod of a run, written by hand; the other controllers are real. */
export class PlayedKubelet {
  readonly #client: KubernetesClient;
  readonly #namespace: string;

  constructor(client: KubernetesClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  /** The pod of an attempt of a run, the first by default, once the Job controller has created it. */
  pod(run: string, attempt = 1): Promise<Pod> {
    return waitFor(`the pod of attempt ${attempt} of run ${run}`, async (signal) => {
      const { items } = await this.#client.list(resources.pods, { namespace: this.#namespace, signal });
      const pod = items.find(({ metadata }) => isOf(metadata, run, attempt));
      return pod === undefined ? { pending: items.map((item) => item.metadata.name) } : { done: pod };
    });
  }

  /** The Job of an attempt of a run, the first by default. */
  job(run: string, attempt = 1): Promise<Job> {
    return waitFor(`the Job of attempt ${attempt} of run ${run}`, async (signal) => {
      const { items } = await this.#client.list(resources.jobs, { namespace: this.#namespace, signal });
      const job = items.find(({ metadata }) => isOf(metadata, run, attempt));
      return job === undefined ? { pending: items.map((item) => item.metadata.name) } : { done: job };
    });
  }

  /** Waits until the operator has told a pod to end. */
  async toldToEnd(run: string, attempt = 1): Promise<void> {
    await waitFor(`the pod of attempt ${attempt} of run ${run} to be told to end`, async () => {
      const { spec } = await this.pod(run, attempt);
      return spec.activeDeadlineSeconds === 1 ? { done: true } : { pending: spec.activeDeadlineSeconds };
    });
  }

  /** The agent's container runs. */
  async startAgent(run: string, attempt = 1): Promise<void> {
    await this.#patch(run, attempt, agentStarted());
  }

  /** Every container has ended, the gateway and the agent with these reports. */
  async endPod(run: string, report: PodEnd, attempt = 1): Promise<void> {
    await this.#patch(run, attempt, podEnded(report));
  }

  /** A pod is taken from its node, and its gateway still reports. */
  async evict(run: string, gateway: GatewayMessage, attempt = 1): Promise<void> {
    await this.#patch(run, attempt, podDisrupted("EvictionByEvictionAPI", gateway));
  }

  /** `prepare` has ended the pod. */
  async failPreparation(run: string, message: PrepareMessage, attempt = 1): Promise<void> {
    await this.#patch(run, attempt, preparationFailed(message));
  }

  async #patch(run: string, attempt: number, status: Record<string, unknown>): Promise<void> {
    const { metadata } = await this.pod(run, attempt);
    const key = { namespace: this.#namespace, name: metadata.name };
    const signal = AbortSignal.timeout(30_000);
    await this.#client.patch(resources.pods, key, { status }, { type: "merge", subresource: "status", signal });
  }
}

function isOf({ annotations, labels }: ObjectMeta, run: string, attempt: number): boolean {
  return annotations?.["orchestrator.io/run-name"] === run && labels?.["orchestrator.io/attempt"] === String(attempt);
}
