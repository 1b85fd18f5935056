import {
  type KubernetesClient,
  type KubernetesObject,
  type ResourceType,
  resources,
} from "@orchestrator/controller-runtime";
import { labels, managedBy, projectJob, projectPod, type RunObject } from "@orchestrator/core";
import { docsRuns, implementationRuns } from "../runs.ts";
import type { RunRecord, Sighting } from "./sighting.ts";

const ours = `${labels.managedBy}=${managedBy}`;

/** Sees every state of all runs and of what they own, in the whole cluster, straight from its API server. */
export class World implements AsyncDisposable {
  readonly client: KubernetesClient;
  readonly #patienceMs: number;
  readonly #records = new Map<string, RunRecord>();
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #stop = new AbortController();
  #following: Promise<unknown> = Promise.resolve();
  #failure: unknown;

  /** @param patienceMs how long anything is waited for */
  constructor(client: KubernetesClient, { patienceMs = 60_000 }: { patienceMs?: number } = {}) {
    this.client = client;
    this.#patienceMs = patienceMs;
  }

  start(): this {
    const following = [
      this.#follow(docsRuns, runSighting),
      this.#follow(implementationRuns, runSighting),
      this.#follow(resources.jobs, (job, gone) => ({ kind: "job", job: projectJob(job), gone }), ours),
      this.#follow(resources.pods, (pod, gone) => ({ kind: "pod", pod: projectPod(pod), gone }), ours),
      this.#follow(
        resources.configMaps,
        ({ metadata }, gone) => ({ kind: "configMap", name: metadata.name, gone }),
        ours,
      ),
    ];
    this.#following = Promise.all(following).catch((error: unknown) => {
      this.#failure = error;
    });
    return this;
  }

  /** What has been seen of the run with this UID so far. */
  of(uid: string): RunRecord {
    const record = this.#records.get(uid) ?? { sightings: [], jobs: new Map(), pods: new Map(), configMaps: new Set() };
    this.#records.set(uid, record);
    return record;
  }

  /** Forgets a run that has been judged. */
  forget(uid: string): void {
    this.#records.delete(uid);
    this.#listeners.delete(uid);
  }

  /** UIDs of the runs that something has been seen of. */
  get uids(): string[] {
    return [...this.#records.keys()];
  }

  /**
   * Answers what `look` finds in the record of a run, as soon as it does.
   * @throws when it has been waited for too long, with the state as it was then.
   */
  async until<T>(uid: string, what: string, look: (record: RunRecord) => T | undefined): Promise<T> {
    const found = Promise.withResolvers<T>();
    const check = (): void => {
      const seen = look(this.of(uid));
      if (seen !== undefined) found.resolve(seen);
    };
    const listeners = this.#listeners.get(uid) ?? new Set();
    this.#listeners.set(uid, listeners.add(check));
    const timer = setTimeout(() => found.reject(this.#inVain(uid, what)), this.#patienceMs);
    try {
      check();
      return await found.promise;
    } finally {
      clearTimeout(timer);
      listeners.delete(check);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#following;
  }

  async #follow<T extends KubernetesObject>(
    type: ResourceType<T>,
    sight: (object: T, gone: boolean) => Sighting,
    labelSelector?: string,
  ): Promise<void> {
    const { signal } = this.#stop;
    let from: { resourceVersion: string } | { sendInitialEvents: true } = { sendInitialEvents: true };
    while (!signal.aborted) {
      try {
        for await (const { type: happened, object } of await this.client.watch(type, {
          ...from,
          labelSelector,
          signal,
        })) {
          from = { resourceVersion: object.metadata.resourceVersion ?? "0" };
          if (happened !== "BOOKMARK") this.#take(object, sight(object, happened === "DELETED"));
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }

  #take({ metadata }: KubernetesObject, sighting: Sighting): void {
    const uid = (sighting.kind === "run" ? metadata.uid : metadata.labels?.[labels.runUid]) ?? "";
    const record = this.of(uid);
    record.sightings.push({ ...sighting, resourceVersion: Number(metadata.resourceVersion ?? 0) });
    note(record, sighting);
    for (const check of this.#listeners.get(uid) ?? []) check();
  }

  #inVain(uid: string, what: string): Error {
    const { run, jobs, pods } = this.of(uid);
    const state = {
      run: { name: run?.metadata.name, namespace: run?.metadata.namespace, spec: run?.spec, status: run?.status },
      jobs: [...jobs.values()],
      pods: [...pods.values()],
    };
    const cause = this.#failure;
    return new Error(`waited in vain for ${what}; last state: ${JSON.stringify(state)}`, { cause });
  }
}

function runSighting(run: RunObject, gone: boolean): Sighting {
  return { kind: "run", run, gone };
}

function note(record: RunRecord, sighting: Sighting): void {
  switch (sighting.kind) {
    case "run":
      if (sighting.gone) delete record.run;
      else record.run = sighting.run;
      return;
    case "job":
      return void (sighting.gone
        ? record.jobs.delete(sighting.job.uid)
        : record.jobs.set(sighting.job.uid, sighting.job));
    case "pod":
      return void (sighting.gone
        ? record.pods.delete(sighting.pod.uid)
        : record.pods.set(sighting.pod.uid, sighting.pod));
    case "configMap":
      return void (sighting.gone ? record.configMaps.delete(sighting.name) : record.configMaps.add(sighting.name));
  }
}
