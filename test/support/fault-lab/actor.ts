import { type KubernetesClient, type ObjectKey, resources } from "@orchestrator/controller-runtime";
import { attemptName, type PodView, type RunStatus } from "@orchestrator/core";
import { agentStarted, type PodEnd, podEnded } from "../pod-states.ts";
import type { Kind } from "./kind.ts";
import type { Scenario } from "./scenario.ts";
import type { World } from "./world.ts";

export interface ActorOptions {
  world: World;
  kind: Kind;
  key: ObjectKey & { namespace: string };
  uid: string;
  /** Does not wait until the operator has told of a start: what begins and ends at once may never be seen begun. */
  hasty?: boolean;
  /** Told after each thing that was done. */
  onAct?: () => void;
}

/** Plays the kubelet of a run's pods, and the people around the run. */
export class Actor {
  readonly #options: ActorOptions;

  constructor(options: ActorOptions) {
    this.#options = options;
  }

  get #client(): KubernetesClient {
    return this.#options.world.client;
  }

  /** Plays all of a scenario. */
  async played({ play }: Scenario): Promise<void> {
    await play(this);
  }

  /** The pod of an attempt, once the Job controller has created it. */
  pod(attempt: number): Promise<PodView> {
    const name = this.#jobName(attempt);
    return this.#until(`a pod of attempt ${attempt}`, ({ pods }) =>
      [...pods.values()].find(({ jobName }) => jobName === name),
    );
  }

  /** The agent of an attempt works, and the operator has said so. */
  async start(attempt: number): Promise<void> {
    await this.report(attempt, agentStarted());
    if (this.#options.hasty === true) return;
    await this.status(`attempt ${attempt} to be told of`, ({ attempts = [] }) =>
      attempts.some(({ number }) => number === attempt),
    );
  }

  /** The agent of an attempt has worked, and its pod has ended with these reports. */
  async work(attempt: number, end: PodEnd): Promise<void> {
    await this.start(attempt);
    await this.report(attempt, podEnded(end));
  }

  /** Waits until the operator has told a pod to end. */
  async toldToEnd(attempt: number): Promise<void> {
    const name = this.#jobName(attempt);
    await this.#until(`the pod of attempt ${attempt} to be told to end`, ({ pods }) =>
      [...pods.values()].find(({ jobName, stopAsked }) => jobName === name && stopAsked),
    );
  }

  /** Writes the status of an attempt's pod. */
  async report(attempt: number, status: Record<string, unknown>): Promise<void> {
    const { name } = await this.pod(attempt);
    const how = { type: "merge", subresource: "status", signal: soon() } as const;
    await this.#client.patch(resources.pods, this.#named(name), { status }, how);
    this.#options.onAct?.();
  }

  async deletePod(attempt: number): Promise<void> {
    const { name } = await this.pod(attempt);
    await this.#client.delete(resources.pods, this.#named(name), { signal: soon() });
    this.#options.onAct?.();
  }

  async deleteJob(attempt: number): Promise<void> {
    const options = { propagationPolicy: "Background", signal: soon() } as const;
    await this.#client.delete(resources.jobs, this.#named(this.#jobName(attempt)), options);
    this.#options.onAct?.();
  }

  /** Somebody else takes the name that the first attempt is to have. */
  async takeName(): Promise<void> {
    const metadata = { namespace: this.#options.key.namespace, name: this.#jobName(1) };
    await this.#client.create(
      resources.configMaps,
      { apiVersion: "v1", kind: "ConfigMap", metadata },
      { signal: soon() },
    );
    this.#options.onAct?.();
  }

  /** Changes the run's spec, as a person would. */
  async edit(spec: Record<string, unknown>): Promise<void> {
    const { kind, key } = this.#options;
    await this.#client.patch(kind.handler.resource, key, { spec }, { type: "merge", signal: soon() });
    this.#options.onAct?.();
  }

  /** Waits until the run's status is as asked. */
  async status(what: string, holds: (status: RunStatus) => boolean): Promise<void> {
    await this.#until(what, ({ run }) => (run?.status !== undefined && holds(run.status) ? true : undefined));
  }

  #jobName(attempt: number): string {
    const { kind, key, uid, world } = this.#options;
    const round = world.of(uid).run?.status?.round ?? 1;
    return attemptName({ prefix: kind.handler.prefix, runName: key.name, runUid: uid, round, attempt });
  }

  #named(name: string): ObjectKey {
    return { namespace: this.#options.key.namespace, name };
  }

  #until<T>(what: string, look: Parameters<typeof World.prototype.until<T>>[2]): Promise<T> {
    const { world, uid, key } = this.#options;
    return world.until(uid, `${what} of run ${key.namespace}/${key.name}`, look);
  }
}

function soon(): AbortSignal {
  return AbortSignal.timeout(30_000);
}
