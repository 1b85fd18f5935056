import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, sleep } from "@orchestrator/controller-runtime";
import type { LogProblem } from "./log-server.ts";
import type { LogSource } from "./logs/log-reader.ts";
import type { NodeContext } from "./node-context.ts";
import type { Pod } from "./pod.ts";
import { PodWorker } from "./pod-worker.ts";
import { removeFolder } from "./remove-folder.ts";

/** All pods of the node, each with a worker of its own. */
export class PodWorkers {
  readonly #context: NodeContext;
  readonly #signal: AbortSignal;
  readonly #workers = new Map<string, PodWorker>();
  readonly #running = new Set<Promise<void>>();

  /** When the signal aborts, all pods' processes are killed. */
  constructor(context: NodeContext, signal: AbortSignal) {
    this.#context = context;
    this.#signal = signal;
  }

  /** A pod was bound to this node, or has changed. */
  apply(pod: Pod): void {
    const { uid = "" } = pod.metadata;
    const known = this.#workers.get(uid);
    if (known !== undefined) known.update(pod);
    else if (!this.#signal.aborted) this.#begin(uid, new PodWorker(pod, this.#context));
  }

  /** A pod's object is gone. */
  remove(pod: Pod): void {
    this.#workers.get(pod.metadata.uid ?? "")?.vanish();
  }

  /** Where the log of a container is. */
  log(container: { namespace: string; pod: string; name: string; previous: boolean }): LogSource | LogProblem {
    const worker = [...this.#workers.values()].findLast(
      ({ pod: { metadata } }) => metadata.name === container.pod && metadata.namespace === container.namespace,
    );
    if (worker === undefined) return { status: 404, problem: `pod "${container.pod}" not found on this node` };
    const found = worker.log(container.name, container.previous);
    return "problem" in found ? { status: 400, ...found } : found;
  }

  /** Removes the folders of pods that do not exist any more. */
  async removeLeftovers(): Promise<void> {
    const { podsDirectory } = this.#context;
    const uids = await readdir(podsDirectory);
    await Promise.all(
      uids.filter((uid) => !this.#workers.has(uid)).map((uid) => removeFolder(join(podsDirectory, uid))),
    );
  }

  /** Keeps volumes that are made of objects up to date. Rejects with the signal's reason when that aborts. */
  async refreshVolumes({ clock, intervalMs }: { clock: Clock; intervalMs: number }): Promise<never> {
    for (;;) {
      await sleep(clock, intervalMs, this.#signal);
      for (const worker of this.#workers.values()) {
        await worker.refreshVolumes(this.#signal).catch((err: unknown) => {
          this.#context.logger.debug({ err, pod: worker.pod.metadata.name }, "volumes not refreshed");
        });
      }
    }
  }

  /** Resolves when no worker is left. */
  async ended(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #begin(uid: string, worker: PodWorker): void {
    this.#workers.set(uid, worker);
    const running = worker
      .run(this.#signal)
      .catch((err: unknown) => {
        this.#context.logger.error({ err, pod: worker.pod.metadata.name }, "pod left alone");
      })
      .finally(() => {
        this.#workers.delete(uid);
        this.#running.delete(running);
      });
    this.#running.add(running);
  }
}
