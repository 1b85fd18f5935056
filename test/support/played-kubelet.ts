import { type Job, type KubernetesClient, type Pod, resources } from "@orchestrator/controller-runtime";
import type { AgentMessage, GatewayMessage, PrepareMessage } from "@orchestrator/core";
import { waitFor } from "./wait.ts";

/** What a kubelet would report of the pod of a run, written by hand; the other controllers are real. */
export class PlayedKubelet {
  readonly #client: KubernetesClient;
  readonly #namespace: string;

  constructor(client: KubernetesClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
  }

  /** The pod of a run, once the Job controller has created it. */
  pod(run: string): Promise<Pod> {
    return waitFor(`the pod of run ${run}`, async (signal) => {
      const { items } = await this.#client.list(resources.pods, { namespace: this.#namespace, signal });
      const pod = items.find((candidate) => candidate.metadata.annotations?.["orchestrator.io/run-name"] === run);
      return pod === undefined ? { pending: items.map((item) => item.metadata.name) } : { done: pod };
    });
  }

  /** The Job of a run. */
  job(run: string): Promise<Job> {
    return waitFor(`the Job of run ${run}`, async (signal) => {
      const { items } = await this.#client.list(resources.jobs, { namespace: this.#namespace, signal });
      const job = items.find((candidate) => candidate.metadata.annotations?.["orchestrator.io/run-name"] === run);
      return job === undefined ? { pending: items.map((item) => item.metadata.name) } : { done: job };
    });
  }

  /** The agent's container runs. */
  async startAgent(run: string): Promise<void> {
    await this.#patch(run, {
      phase: "Running",
      initContainerStatuses: [container("gateway", running()), container("prepare", terminated(0))],
      containerStatuses: [container("agent", running())],
    });
  }

  /** Every container has ended, the gateway and the agent with these reports. */
  async endPod(
    run: string,
    report: { gateway?: GatewayMessage; agent?: AgentMessage; exitCode?: number },
  ): Promise<void> {
    const exitCode = report.exitCode ?? 0;
    await this.#patch(run, {
      phase: exitCode === 0 ? "Succeeded" : "Failed",
      initContainerStatuses: [container("gateway", terminated(0, report.gateway)), container("prepare", terminated(0))],
      containerStatuses: [container("agent", terminated(exitCode, report.agent))],
    });
  }

  /** `prepare` has ended the pod. */
  async failPreparation(run: string, message: PrepareMessage): Promise<void> {
    await this.#patch(run, {
      phase: "Failed",
      initContainerStatuses: [container("gateway", terminated(0)), container("prepare", terminated(1, message))],
      containerStatuses: [container("agent", { waiting: { reason: "PodInitializing" } })],
    });
  }

  async #patch(run: string, status: Record<string, unknown>): Promise<void> {
    const { metadata } = await this.pod(run);
    const key = { namespace: this.#namespace, name: metadata.name };
    const signal = AbortSignal.timeout(30_000);
    await this.#client.patch(resources.pods, key, { status }, { type: "merge", subresource: "status", signal });
  }
}

function container(name: string, state: Record<string, unknown>): Record<string, unknown> {
  return { name, ready: false, restartCount: 0, image: "orchestrator/agent:dev", imageID: "", state };
}

function running(): Record<string, unknown> {
  return { running: { startedAt: new Date().toISOString() } };
}

function terminated(exitCode: number, message?: unknown): Record<string, unknown> {
  const now = new Date().toISOString();
  return {
    terminated: {
      exitCode,
      reason: exitCode === 0 ? "Completed" : "Error",
      startedAt: now,
      finishedAt: now,
      ...(message !== undefined && { message: JSON.stringify(message) }),
    },
  };
}
