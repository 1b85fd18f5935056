import {
  type Job,
  type KubernetesObject,
  type ResourceType,
  resources,
  type WatchEvent,
} from "@orchestrator/controller-runtime";
import type { RunObject, RunStatus } from "@orchestrator/core";
import { annotations } from "@orchestrator/core";
import { endedJob, endedPod, runningPod } from "./played-statuses.ts";
import { WorkPool } from "./in-parallel.ts";
import { podOf } from "./pod-of.ts";
import type { Stage } from "./stage.ts";

const stepsAtOnce = 16;
const settleTimeoutMs = 30 * 60_000;

type Scene = Pick<Stage, "client" | "namespace" | "signal">;

/** Where a run is: its Pod waits to be started, its agent works, or all has ended. */
interface PlayedRun {
  job: Job | undefined;
  podRuns: boolean;
  runningSeen: boolean;
  ending: boolean;
}

/**
 * Plays the Job controller and the kubelet, the same for every contender: a Job gets its Pod, whose agent starts at once and ends
 * when the run says that it is Running; then the Job is Complete. It notes when it saw what, in milliseconds of `performance.now()`.
 */
export class PlayedCluster implements AsyncDisposable {
  /** By the name of the run. */
  readonly jobAt = new Map<string, number>();
  readonly succeededAt = new Map<string, number>();
  readonly statuses = new Map<string, { running?: Partial<RunStatus>; ended?: Partial<RunStatus> }>();
  readonly #scene: Scene;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #pool = new WorkPool(stepsAtOnce);
  readonly #played = new Map<string, PlayedRun>();
  readonly #failed = Promise.withResolvers<never>();
  #settled = 0;
  #wanted: { count: number; reached: () => void } | undefined;

  private constructor(scene: Scene) {
    this.#scene = scene;
    this.#signal = AbortSignal.any([scene.signal, this.#stop.signal]);
    this.#failed.promise.catch(() => undefined);
  }

  /** Plays for all runs that are created from now on. */
  static async start(scene: Scene, runs: ResourceType<RunObject>): Promise<PlayedCluster> {
    const cluster = new PlayedCluster(scene);
    await cluster.#follow(resources.jobs, (event) => cluster.#seeJob(event));
    await cluster.#follow(runs, (event) => cluster.#seeRun(event));
    return cluster;
  }

  /** Resolves when so many runs in all have succeeded and their Jobs are Complete. */
  async settled(count: number): Promise<void> {
    const reached = Promise.withResolvers<void>();
    this.#wanted = { count, reached: reached.resolve };
    this.#tellSettled();
    const limit = AbortSignal.any([this.#signal, AbortSignal.timeout(settleTimeoutMs)]);
    const aborted = Promise.withResolvers<never>();
    limit.addEventListener("abort", () => aborted.reject(this.#inVain(count)), { once: true });
    aborted.promise.catch(() => undefined);
    await Promise.race([reached.promise, aborted.promise, this.#failed.promise]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    return Promise.resolve();
  }

  #inVain(count: number): Error {
    return new Error(`${this.#settled} of ${count} runs have settled, ${this.jobAt.size} have a Job`);
  }

  async #follow<T extends KubernetesObject>(
    type: ResourceType<T>,
    see: (event: Exclude<WatchEvent<T>, { type: "BOOKMARK" }>) => void,
  ): Promise<void> {
    const { client, namespace } = this.#scene;
    const signal = this.#signal;
    const { resourceVersion } = await client.list(type, { namespace, limit: 1, signal });
    const watch = async (): Promise<never> => {
      const events = await client.watch(type, { namespace, resourceVersion, timeoutSeconds: 7200, signal });
      for await (const event of events) if (event.type !== "BOOKMARK") see(event);
      throw new Error(`the watch of ${type.plural} ended`);
    };
    watch().catch(this.#failed.reject);
  }

  #seeJob({ type, object }: { type: string; object: Job }): void {
    const name = object.metadata.annotations?.[annotations.runName];
    if (type !== "ADDED" || name === undefined) return;
    if (this.jobAt.has(name)) this.#failed.reject(new Error(`run ${name} has two Jobs`));
    this.jobAt.set(name, performance.now());
    const run = this.#runOf(name);
    run.job = object;
    this.#pool.add(() => this.#startPod(run, object).catch(this.#failed.reject));
  }

  #seeRun({ type, object }: { type: string; object: RunObject }): void {
    const { metadata, status } = object;
    if (type !== "MODIFIED" || status === undefined) return;
    const run = this.#runOf(metadata.name);
    if (status.phase === "Running") {
      run.runningSeen = true;
      this.statuses.set(metadata.name, { running: status });
    }
    if (status.phase === "Failed") this.#failed.reject(new Error(`run ${metadata.name} failed: ${status.message}`));
    if (status.phase === "Succeeded" && !this.succeededAt.has(metadata.name)) {
      this.succeededAt.set(metadata.name, performance.now());
      this.statuses.set(metadata.name, { ...this.statuses.get(metadata.name), ended: status });
      run.runningSeen = true;
      this.#settle();
    }
    this.#endPodWhenDue(run);
  }

  #runOf(name: string): PlayedRun {
    const known = this.#played.get(name);
    if (known !== undefined) return known;
    const run = { job: undefined, podRuns: false, runningSeen: false, ending: false };
    this.#played.set(name, run);
    return run;
  }

  async #startPod(run: PlayedRun, job: Job): Promise<void> {
    const { client } = this.#scene;
    await client.create(resources.pods, podOf(job), { signal: this.#signal });
    await this.#patchStatus(resources.pods, job, runningPod());
    run.podRuns = true;
    this.#endPodWhenDue(run);
  }

  #endPodWhenDue(run: PlayedRun): void {
    const { job } = run;
    if (job === undefined || !run.podRuns || !run.runningSeen || run.ending) return;
    run.ending = true;
    this.#pool.add(() => this.#endPod(job).catch(this.#failed.reject));
  }

  async #endPod(job: Job): Promise<void> {
    await this.#patchStatus(resources.pods, job, endedPod());
    await this.#patchStatus(resources.jobs, job, endedJob());
    this.#settle();
  }

  /** The Pod has the name of its Job. */
  async #patchStatus(type: ResourceType, { metadata }: Job, status: object): Promise<void> {
    const key = { namespace: metadata.namespace, name: metadata.name };
    await this.#scene.client.patch(
      type,
      key,
      { status },
      { type: "merge", subresource: "status", signal: this.#signal },
    );
  }

  /** Told twice for each run: by its success and by its Job's end. */
  #settle(): void {
    this.#settled += 0.5;
    this.#tellSettled();
  }

  #tellSettled(): void {
    if (this.#wanted !== undefined && this.#settled >= this.#wanted.count) this.#wanted.reached();
  }
}
