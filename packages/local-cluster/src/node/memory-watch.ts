import { type Clock, sleep } from "@orchestrator/controller-runtime";
import { readProcesses, treeMemory } from "./sandbox/process-table.ts";

/** A running container with a memory limit. */
export interface WatchedContainer {
  pid: number;
  limitBytes: number;
  /** Called once, when the memory of its processes is above the limit. */
  exceeded: () => void;
}

/** Keeps containers within their memory limits by looking at their processes' memory again and again. */
export class MemoryWatch {
  readonly #containers = new Set<WatchedContainer>();
  readonly #clock: Clock;
  readonly #intervalMs: number;

  constructor(options: { clock: Clock; intervalMs: number }) {
    this.#clock = options.clock;
    this.#intervalMs = options.intervalMs;
  }

  /** Watches a container until the returned function is called. */
  add(container: WatchedContainer): () => void {
    this.#containers.add(container);
    return () => this.#containers.delete(container);
  }

  /** Rejects with the signal's reason when that aborts. */
  async run(signal: AbortSignal): Promise<never> {
    for (;;) {
      await sleep(this.#clock, this.#intervalMs, signal);
      if (this.#containers.size > 0) this.#look();
    }
  }

  #look(): void {
    const processes = readProcesses();
    for (const container of this.#containers) {
      if (treeMemory(processes, container.pid) <= container.limitBytes) continue;
      this.#containers.delete(container);
      container.exceeded();
    }
  }
}
