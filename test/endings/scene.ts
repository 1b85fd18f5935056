import { type Job, type Pod, resources, type ResourceType } from "@orchestrator/controller-runtime";
import { labels, type RunObject, type RunStatus } from "@orchestrator/core";
import { docsRuns, implementationRuns } from "../support/runs.ts";
import { waitFor } from "../support/wait.ts";
import type { Stage } from "./stage.ts";
import { titleOf } from "./title.ts";

/** For a machine that plays ten runs at once and is not idle otherwise. */
const waitMs = 200_000;

/** One run on the stage, while its ending is brought about. */
export class Scene {
  readonly stage: Stage;
  readonly type: ResourceType<RunObject>;
  readonly key: { namespace: string; name: string };
  readonly uid: string;

  private constructor(stage: Stage, type: ResourceType<RunObject>, { metadata }: RunObject) {
    this.stage = stage;
    this.type = type;
    this.key = { namespace: metadata.namespace ?? "", name: metadata.name };
    this.uid = metadata.uid ?? "";
  }

  /** Creates the run. */
  static async begin(stage: Stage, run: RunObject): Promise<Scene> {
    const type = run.kind === docsRuns.kind ? docsRuns : implementationRuns;
    return new Scene(stage, type, await stage.client.create(type, run, { signal: soon() }));
  }

  run(signal: AbortSignal = soon()): Promise<RunObject> {
    return this.stage.client.get(this.type, this.key, { signal });
  }

  /** Waits until the run's status is as asked. */
  async until(what: string, holds: (status: Partial<RunStatus>) => boolean): Promise<RunObject> {
    return await waitFor(
      `${this.type.kind} ${this.key.name} ${what}`,
      async (signal) => {
        const run = await this.run(signal);
        return holds(run.status ?? {}) ? { done: run } : { pending: run.status };
      },
      { timeoutMs: waitMs, intervalMs: 250 },
    );
  }

  async untilPhase(phase: RunStatus["phase"]): Promise<void> {
    await this.until(`is ${phase}`, (status) => status.phase === phase);
  }

  /** Waits until the agent has asked the model, which holds its answer back. */
  async untilAsked(): Promise<void> {
    const { holds } = this.stage.model;
    const title = titleOf(this.key.name);
    await waitFor(
      `the agent of ${this.key.name} to ask`,
      async (signal) => (holds.held(title) > 0 ? { done: true } : { pending: (await this.run(signal)).status }),
      { timeoutMs: waitMs, intervalMs: 250 },
    );
  }

  /** Changes the run's spec, as a person would. */
  async edit(spec: Record<string, unknown>): Promise<void> {
    await this.stage.client.patch(this.type, this.key, { spec }, { type: "merge", signal: soon() });
  }

  async pods(): Promise<Pod[]> {
    return await this.#owned(resources.pods);
  }

  async jobs(): Promise<Job[]> {
    return await this.#owned(resources.jobs);
  }

  /** Waits until the run has a pod that is as asked. */
  async pod(what = "is there", holds: (pod: Pod) => boolean = () => true): Promise<Pod> {
    return await waitFor(
      `the pod of ${this.key.name} ${what}`,
      async () => {
        const pods = await this.pods();
        const found = pods.find(holds);
        return found === undefined ? { pending: pods.map(({ status }) => status) } : { done: found };
      },
      { timeoutMs: waitMs },
    );
  }

  /** What was recorded about the run, oldest first. */
  async events(): Promise<{ type: string; reason: string; note: string }[]> {
    const { namespace } = this.key;

    const { items } = await this.stage.client.list(resources.events, { namespace, signal: soon() });
    return items
      .filter(({ regarding }) => regarding.uid === this.uid)
      .toSorted((a, b) => String(a.eventTime).localeCompare(String(b.eventTime)))
      .map(({ type, reason, note = "" }) => ({ type, reason, note }));
  }

  async #owned<T extends Pod | Job>(type: ResourceType<T>): Promise<T[]> {
    const { namespace } = this.key;
    const labelSelector = `${labels.runUid}=${this.uid}`;
    return (await this.stage.client.list(type, { namespace, labelSelector, signal: soon() })).items;
  }
}

export function soon(): AbortSignal {
  return AbortSignal.timeout(30_000);
}
