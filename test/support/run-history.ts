import { isDeepStrictEqual } from "node:util";
import type { KubernetesClient, ResourceType } from "@orchestrator/controller-runtime";
import type { Phase, RunObject, RunStatus } from "@orchestrator/core";
import { waitFor } from "./wait.ts";

/** How far on a run is in its round: what falls has gone back. */
export const phaseOrder: Readonly<Record<Phase, number>> = {
  Pending: 0,
  Suspended: 0,
  Running: 1,
  Retrying: 1,
  Succeeded: 2,
  Failed: 2,
  Cancelled: 2,
};

/** Every status that a run has had, as a watch tells them: one that lasts a moment only is not missed. */
export class RunHistory implements AsyncDisposable {
  readonly #client: KubernetesClient;
  readonly #type: ResourceType<RunObject>;
  readonly #seen: RunObject[] = [];
  readonly #stop = new AbortController();
  readonly #following: Promise<void>;

  /** @param name of the run. Default: whichever there is in the namespace. */
  constructor(client: KubernetesClient, type: ResourceType<RunObject>, run: { namespace: string; name?: string }) {
    this.#client = client;
    this.#type = type;
    this.#following = this.#follow(run);
    // Whoever waits for what it should see is told.
    this.#following.catch(() => {});
  }

  get last(): Partial<RunStatus> {
    return this.#seen.at(-1)?.status ?? {};
  }

  /** Every status so far, oldest first; what is seen later is added to it. A change of the spec alone adds none. */
  get statuses(): RunStatus[] {
    const all = this.#seen.map(({ status }): RunStatus => status ?? { phase: "Pending" });
    return all.filter((status, index) => index === 0 || !isDeepStrictEqual(status, all[index - 1]));
  }

  get ended(): boolean {
    return phaseOrder[this.last.phase ?? "Pending"] === 2;
  }

  /** Where a status went back, or changed after the end. */
  get setbacks(): string[] {
    return this.#seen.slice(1).flatMap((run, index) => {
      const before = this.#seen[index]?.status ?? { phase: "Pending" };
      const after = run.status ?? { phase: "Pending" };
      const final = phaseOrder[before.phase] === 2 && !isDeepStrictEqual(before, after);
      return final || phaseOrder[after.phase] < phaseOrder[before.phase] ? [`${before.phase} -> ${after.phase}`] : [];
    });
  }

  /** Waits until the newest state of the run has been seen. */
  async caughtUp(): Promise<void> {
    await waitFor("the watch to tell the newest state", async (signal) => {
      const seen = this.#seen.at(-1)?.metadata;
      if (seen === undefined) return { pending: "nothing seen" };
      const { metadata } = await this.#client.get(this.#type, seen, { signal });
      return metadata.resourceVersion === seen.resourceVersion ? { done: true } : { pending: { seen, metadata } };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#following.catch(() => {});
  }

  async #follow({ namespace, name }: { namespace: string; name?: string }): Promise<void> {
    const chosen = name === undefined ? {} : { fieldSelector: `metadata.name=${name}` };
    const options = { namespace, ...chosen, sendInitialEvents: true, signal: this.#stop.signal };
    for await (const event of await this.#client.watch(this.#type, options)) {
      if (event.type === "ADDED" || event.type === "MODIFIED") this.#seen.push(event.object);
    }
  }
}
