import type { Logger } from "pino";
import { type Backoff, backoffDelay } from "../backoff.ts";
import { type ApiError, isApiError } from "../client/api-error.ts";
import type { KubernetesClient, Selection } from "../client/kubernetes-client.ts";
import { type Clock, sleep, systemClock } from "../clock.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import type { ResourceType } from "../resource-type.ts";
import { ResourceUnavailableError } from "./resource-unavailable-error.ts";
import { needsMending, stateAfterFailure, type WatcherState } from "./watcher-state.ts";

const pageSize = 500;
const watchSeconds = 290;
const backoff: Backoff = { initialMs: 800, maxMs: 30_000 };
const healthyAfterMs = 120_000;

/** What a watcher tells. After the last page of a list, what was on none of its pages is gone. */
export type WatcherEvent<T> =
  | { type: "page"; items: T[]; resourceVersion: string; first: boolean; last: boolean }
  | { type: "applied" | "deleted"; object: T }
  | { type: "progressed"; resourceVersion: string };

export interface WatcherOptions<T extends KubernetesObject> {
  client: KubernetesClient;
  type: ResourceType<T>;
  selection: Selection;
  onEvent: (event: WatcherEvent<T>) => void;
  logger: Logger;
  clock?: Clock | undefined;
  random?: (() => number) | undefined;
}

interface StepResult {
  state: WatcherState;
  error?: unknown;
}

/**
 * Lists the objects of one kind page by page, then watches them, for as long as it takes: a stream that ends is
 * resumed where it stood, and where history is lost (410, a broken line) the list is made anew. Pauses between
 * failures grow from 0.8 s to 30 s and start over after 120 s of health.
 */
export class Watcher<T extends KubernetesObject> {
  readonly #options: WatcherOptions<T>;
  readonly #clock: Clock;
  readonly #random: () => number;

  constructor(options: WatcherOptions<T>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
  }

  /**
   * Resolves when the signal aborts.
   *
   * @throws ResourceUnavailableError when the kind cannot be listed or watched at all (permission, CRD, credentials).
   * Once it could, the same answers are taken for passing trouble.
   */
  async run(signal: AbortSignal): Promise<void> {
    let state: WatcherState = { name: "empty" };
    let failures = 0;
    let established = false;
    while (!signal.aborted) {
      const startedAt = this.#clock.now();
      const { state: reached, error } = await this.#step(state, signal);
      if (signal.aborted) return;
      if (needsMending(error) && !established) throw this.#unavailable(state, error as ApiError);
      established ||= state.name === "watching";
      const healthy = state.name === "watching" && this.#clock.now() - startedAt >= healthyAfterMs;
      if (healthy) failures = 0;
      const ended = state;
      state = error === undefined ? reached : stateAfterFailure(reached, error);
      if (error === undefined && (healthy || ended.name !== "watching")) continue;
      await this.#pause(failures, error, signal);
      failures += 1;
    }
  }

  async #step(state: WatcherState, signal: AbortSignal): Promise<StepResult> {
    try {
      switch (state.name) {
        case "empty":
          return { state: await this.#list(undefined, signal) };
        case "listing":
          return { state: await this.#list(state, signal) };
        case "watching":
          return await this.#watch(state.resourceVersion, signal);
      }
    } catch (error) {
      return { state, error };
    }
  }

  async #list(from: { continueToken: string } | undefined, signal: AbortSignal): Promise<WatcherState> {
    const { client, type, selection, onEvent } = this.#options;
    const page = await client.list(type, {
      ...selection,
      limit: pageSize,
      continueToken: from?.continueToken,
      signal,
    });
    const { items, resourceVersion, continueToken } = page;
    onEvent({
      type: "page",
      items,
      resourceVersion,
      first: from === undefined,
      last: continueToken === undefined,
    });
    return continueToken === undefined
      ? { name: "watching", resourceVersion }
      : { name: "listing", continueToken, resourceVersion };
  }

  async #watch(from: string, signal: AbortSignal): Promise<StepResult> {
    const { client, type, selection, onEvent } = this.#options;
    let resourceVersion = from;
    // Spread, so that the watches of many programs do not all come back at once.
    const timeoutSeconds = Math.floor(watchSeconds * (1 - this.#random() / 10));
    try {
      for await (const event of client.watch(type, { ...selection, resourceVersion, timeoutSeconds, signal })) {
        if (event.type === "BOOKMARK") {
          resourceVersion = event.object.metadata.resourceVersion;
          onEvent({ type: "progressed", resourceVersion });
        } else {
          resourceVersion = event.object.metadata.resourceVersion ?? resourceVersion;
          onEvent({ type: event.type === "DELETED" ? "deleted" : "applied", object: event.object });
        }
      }
      return { state: { name: "watching", resourceVersion } };
    } catch (error) {
      return { state: { name: "watching", resourceVersion }, error };
    }
  }

  async #pause(failures: number, error: unknown, signal: AbortSignal): Promise<void> {
    const asked = isApiError(error) ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    const delay = Math.max(asked, backoffDelay(failures, backoff, this.#random));
    const { logger, type, selection } = this.#options;
    const fields = { resource: type.plural, namespace: selection.namespace, failures, delayMs: Math.round(delay) };
    if (error === undefined) logger.debug(fields, "watch ended early");
    else logger.warn({ ...fields, err: error }, "watch interrupted");
    try {
      await sleep(this.#clock, delay, signal);
    } catch (reason) {
      if (!signal.aborted) throw reason;
    }
  }

  #unavailable(state: WatcherState, cause: ApiError): ResourceUnavailableError {
    const { type, selection } = this.#options;
    const verb = state.name === "watching" ? "watch" : "list";
    return new ResourceUnavailableError({ type, verb, namespace: selection.namespace, cause });
  }
}
