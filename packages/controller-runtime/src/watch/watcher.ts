import type { Logger } from "pino";
import { type Backoff, backoffDelay } from "../backoff.ts";
import { type ApiError, isApiError } from "../client/api-error.ts";
import type { KubernetesClient, Selection } from "../client/kubernetes-client.ts";
import { endsInitialEvents } from "../client/watch-event.ts";
import { type Clock, sleep, systemClock } from "../clock.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { ResourceType } from "../resource-type.ts";
import { compareResourceVersions } from "../resource-version.ts";
import { ResourceUnavailableError } from "./resource-unavailable-error.ts";
import { needsMending, stateAfterFailure, streamsAfterRefusal, type WatcherState } from "./watcher-state.ts";

const pageSize = 500;
const watchSeconds = 290;
const backoff: Backoff = { initialMs: 800, maxMs: 30_000 };
const healthyAfterMs = 10_000;
/** A server that works tells within a minute how far it has come. */
const deafAfterMs = 120_000;

/**
 * What a watcher tells. Between the beginning and the end of a list comes everything that exists: what does not is gone.
 * After `restored` the versions known from before mean nothing, and a list follows.
 */
export type WatcherEvent<T> =
  | { type: "restored" | "listBegun" }
  | { type: "listed" | "applied" | "deleted"; object: T }
  | { type: "listEnded" | "progressed"; resourceVersion: string };

export interface WatcherOptions<T extends KubernetesObject> {
  client: KubernetesClient;
  type: ResourceType<T>;
  selection: Selection;
  /** Must not throw. */
  onEvent: (event: WatcherEvent<T>) => void;
  logger: Logger;
  /** Default: not counted. */
  metrics?: Metrics | undefined;
  clock?: Clock | undefined;
  random?: (() => number) | undefined;
}

interface StepResult<T extends KubernetesObject> {
  state: WatcherState<T>;
  error?: unknown;
}

/**
 * Lists the objects of one kind, then watches them, for as long as it takes: a stream that ends is resumed where it
 * stood, and where history is lost (410, a broken line) the list is made anew. The list comes as the beginning of the
 * watch where the server offers that, and by pages after it failed or was refused. Pauses between failures grow from
 * 0.8 s to 30 s and start over after 10 s of health.
 */
export class Watcher<T extends KubernetesObject> {
  readonly #options: WatcherOptions<T>;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #random: () => number;
  /** Whether to list by streaming. After a failure the next list goes by pages; after a refusal all do. */
  #streaming: "offered" | "failed" | "refused" = "offered";
  /** The newest resourceVersion that a list or watch has told. */
  #newest = "0";

  constructor(options: WatcherOptions<T>) {
    this.#options = options;
    const { namespace } = options.selection;
    this.#logger = options.logger.child({ resource: options.type.plural, ...(namespace && { namespace }) });
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
    let state: WatcherState<T> = { name: "empty" };
    let failures = 0;
    let established = false;
    while (!signal.aborted) {
      const from: WatcherState<T> = state;
      const startedAt = this.#clock.now();
      const { state: reached, error } = await this.#step(from, signal);
      if (signal.aborted) return;
      if (needsMending(error) && !established) throw this.#unavailable(from, error as ApiError);
      established ||= reached.name === "watching";
      const healthy = from.name === "watching" && this.#clock.now() - startedAt >= healthyAfterMs;
      if (healthy) failures = 0;
      state = error === undefined ? reached : stateAfterFailure(reached, error);
      this.#moved(from, state, failures);
      if (error === undefined && (healthy || from.name !== "watching")) continue;
      await this.#pause(failures, error, signal);
      failures += 1;
    }
  }

  async #step(state: WatcherState<T>, signal: AbortSignal): Promise<StepResult<T>> {
    try {
      switch (state.name) {
        case "empty":
          return { state: await (this.#streaming === "offered" ? this.#openList(signal) : this.#list({}, signal)) };
        case "listing":
          return { state: await this.#list(state, signal) };
        case "listed":
          return { state: await this.#openWatch(state.resourceVersion, signal) };
        case "streaming":
          return await this.#receiveList(state);
        case "watching":
          return await this.#receive(state);
      }
    } catch (error) {
      return { state, error };
    }
  }

  async #openList(signal: AbortSignal): Promise<WatcherState<T>> {
    try {
      const events = await this.#open({ sendInitialEvents: true }, signal);
      this.#options.onEvent({ type: "listBegun" });
      return { name: "streaming", events };
    } catch (error) {
      const streaming = streamsAfterRefusal(error);
      if (streaming === undefined) throw error;
      this.#streaming = streaming;
      return await this.#list({}, signal);
    }
  }

  async #list({ continueToken }: { continueToken?: string }, signal: AbortSignal): Promise<WatcherState<T>> {
    const { client, type, selection, onEvent } = this.#options;
    const page = await client.list(type, { ...selection, limit: pageSize, continueToken, signal });
    const { items, resourceVersion } = page;
    if (continueToken === undefined) {
      if (this.#isRestored(resourceVersion)) onEvent({ type: "restored" });
      onEvent({ type: "listBegun" });
    }
    for (const object of items) onEvent({ type: "listed", object });
    if (page.continueToken !== undefined) return { name: "listing", continueToken: page.continueToken };
    if (this.#streaming === "failed") this.#streaming = "offered";
    this.#newest = resourceVersion;
    onEvent({ type: "listEnded", resourceVersion });
    return { name: "listed", resourceVersion };
  }

  async #openWatch(resourceVersion: string, signal: AbortSignal): Promise<WatcherState<T>> {
    return { name: "watching", resourceVersion, events: await this.#open({ resourceVersion }, signal) };
  }

  #open(from: { resourceVersion: string } | { sendInitialEvents: true }, signal: AbortSignal) {
    const { client, type, selection } = this.#options;
    // Spread, so that the watches of many programs do not all come back at once.
    const timeoutSeconds = Math.floor(watchSeconds * (1 - this.#random() / 10));
    return client.watch(type, { ...selection, ...from, timeoutSeconds, signal });
  }

  async #receiveList(state: Extract<WatcherState<T>, { name: "streaming" }>): Promise<StepResult<T>> {
    const { onEvent } = this.#options;
    const { events } = state;
    this.#streaming = "failed";
    for (let next = await events.next(); !next.done; next = await events.next()) {
      const event = next.value;
      if (event.type !== "BOOKMARK") {
        onEvent({ type: event.type === "DELETED" ? "deleted" : "listed", object: event.object });
      } else if (endsInitialEvents(event)) {
        this.#streaming = "offered";
        return { state: await this.#endOfList(event.object.metadata.resourceVersion, state) };
      }
    }
    return { state, error: new Error("the stream ended before it had told everything that exists") };
  }

  async #endOfList(
    resourceVersion: string,
    { events }: Extract<WatcherState<T>, { name: "streaming" }>,
  ): Promise<WatcherState<T>> {
    if (this.#isRestored(resourceVersion)) {
      await events.return();
      this.#options.onEvent({ type: "restored" });
      return { name: "empty" };
    }
    this.#newest = resourceVersion;
    this.#options.onEvent({ type: "listEnded", resourceVersion });
    return { name: "watching", resourceVersion, events };
  }

  async #receive(state: Extract<WatcherState<T>, { name: "watching" }>): Promise<StepResult<T>> {
    const { onEvent } = this.#options;
    const { events } = state;
    const startedAt = this.#clock.now();
    let { resourceVersion } = state;
    let heard = false;
    const ended = (): WatcherState<T> => {
      // Where the server was restored from a backup, what it has to tell is older than what this watch waits for.
      const deaf = !heard && this.#clock.now() - startedAt >= deafAfterMs;
      return deaf ? { name: "empty" } : { name: "listed", resourceVersion };
    };
    try {
      for await (const event of events) {
        heard = true;
        resourceVersion = event.object.metadata.resourceVersion ?? resourceVersion;
        this.#newest = resourceVersion;
        if (event.type === "BOOKMARK") onEvent({ type: "progressed", resourceVersion });
        else onEvent({ type: event.type === "DELETED" ? "deleted" : "applied", object: event.object });
      }
      return { state: ended() };
    } catch (error) {
      return { state: ended(), error };
    }
  }

  /** Whether the server's history ends before what we have seen of it: it was restored from a backup. */
  #isRestored(resourceVersion: string): boolean {
    const restored = compareResourceVersions(resourceVersion, this.#newest) < 0;
    if (restored) this.#newest = resourceVersion;
    return restored;
  }

  #moved({ name: from }: WatcherState<T>, { name: to }: WatcherState<T>, failures: number): void {
    if (from === to) return;
    this.#options.metrics?.watchTransitions.inc({ resource: this.#options.type.plural, from, to });
    this.#logger.debug({ from, to, failures }, "watch state changed");
  }

  async #pause(failures: number, error: unknown, signal: AbortSignal): Promise<void> {
    const asked = isApiError(error) ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    const delay = Math.max(Math.min(asked, backoff.maxMs), backoffDelay(failures, backoff, this.#random));
    const fields = { failures, delayMs: Math.round(delay) };
    if (error === undefined) this.#logger.debug(fields, "watch ended early");
    else this.#logger.warn({ ...fields, err: error }, "watch interrupted");
    try {
      await sleep(this.#clock, delay, signal);
    } catch (reason) {
      if (!signal.aborted) throw reason;
    }
  }

  #unavailable(state: WatcherState<T>, cause: ApiError): ResourceUnavailableError {
    const { type, selection } = this.#options;
    const verb =
      state.name === "listed" || (state.name === "empty" && this.#streaming === "offered") ? "watch" : "list";
    return new ResourceUnavailableError({ type, verb, namespace: selection.namespace, cause });
  }
}
