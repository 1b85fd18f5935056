import type { Logger } from "pino";
import type { KubernetesClient } from "../client/kubernetes-client.ts";
import type { Clock } from "../clock.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import { keyOf, keyText } from "../object-key.ts";
import type { ResourceType } from "../resource-type.ts";
import { Watcher, type WatcherEvent } from "../watch/watcher.ts";
import type { Change } from "./change.ts";
import { ObjectCache, type Scope } from "./object-cache.ts";
import type { Store } from "./store.ts";

export interface InformerOptions<T extends KubernetesObject, P> {
  client: KubernetesClient;
  type: ResourceType<T>;
  /** Default: all namespaces. */
  namespaces?: readonly string[] | undefined;
  /** Default: every object. */
  labelSelector?: string | undefined;
  /** Default: every object. */
  fieldSelector?: string | undefined;
  /** The small part of an object that is kept; the rest is forgotten. */
  project: (object: T) => P;
  /** By name: under which values a projection can be found by `store.byIndex`. */
  indexers?: Readonly<Record<string, (projection: P) => string[]>>;
  logger: Logger;
  /** Default: the system's. */
  clock?: Clock | undefined;
  /** Default: `Math.random`. */
  random?: (() => number) | undefined;
}

/** Keeps a store of the objects of one kind up to date, and tells listeners what changed. */
export class Informer<T extends KubernetesObject, P> {
  readonly type: ResourceType<T>;
  readonly #options: InformerOptions<T, P>;
  readonly #cache: ObjectCache<T, P>;
  readonly #scopes: readonly Scope[];
  readonly #unsynced: Set<Scope>;
  readonly #listeners: ((change: Change<P>) => void)[] = [];
  readonly #synced = Promise.withResolvers<void>();

  constructor(options: InformerOptions<T, P>) {
    this.type = options.type;
    this.#options = options;
    const { namespaces, project, indexers = {} } = options;
    this.#scopes = namespaces ?? [undefined];
    this.#unsynced = new Set(this.#scopes);
    this.#cache = new ObjectCache({ project, indexers, namespaced: namespaces !== undefined });
    // Whoever waits sees a failure; nobody has to.
    this.#synced.promise.catch(() => undefined);
  }

  get store(): Store<P, T> {
    return this.#cache;
  }

  /** The listener must not throw; it is called within the watch, so it should do no more than note a key. */
  onChange(listener: (change: Change<P>) => void): void {
    this.#listeners.push(listener);
  }

  /**
   * Resolves when the signal aborts.
   *
   * @throws ResourceUnavailableError when the kind cannot be watched at all.
   */
  async run(signal: AbortSignal): Promise<void> {
    const failed = new AbortController();
    const stop = AbortSignal.any([signal, failed.signal]);
    try {
      await Promise.all(this.#scopes.map((scope) => this.#watcher(scope).run(stop)));
    } catch (error) {
      failed.abort(error);
      this.#synced.reject(error);
      throw error;
    }
  }

  /** Resolves once the store holds everything that existed at the start. Rejects when `run` fails or the signal aborts. */
  async synced(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await Promise.race([this.#synced.promise, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #watcher(scope: Scope): Watcher<T> {
    const { client, type, labelSelector, fieldSelector, logger, clock, random } = this.#options;
    let listed = new Set<string>();
    const onEvent = (event: WatcherEvent<T>): void => {
      if (event.type === "page" && event.first) listed = new Set();
      this.#take(scope, event, listed);
    };
    const selection = { namespace: scope, labelSelector, fieldSelector };
    return new Watcher({ client, type, selection, onEvent, logger, clock, random });
  }

  #take(scope: Scope, event: WatcherEvent<T>, listed: Set<string>): void {
    switch (event.type) {
      case "page":
        return this.#takePage(scope, event, listed);
      case "applied":
        this.#tell(this.#cache.apply(event.object));
        return this.#cache.observed(scope, event.object.metadata.resourceVersion ?? "0");
      case "deleted":
        this.#tell(this.#cache.remove(event.object));
        return this.#cache.observed(scope, event.object.metadata.resourceVersion ?? "0");
      case "progressed":
        return this.#cache.observed(scope, event.resourceVersion);
    }
  }

  #takePage(scope: Scope, page: Extract<WatcherEvent<T>, { type: "page" }>, listed: Set<string>): void {
    if (page.first) this.#cache.beginList(scope, page.resourceVersion);
    for (const object of page.items) {
      listed.add(keyText(keyOf(object)));
      this.#tell(this.#cache.apply(object));
    }
    if (!page.last) return;
    this.#tell(this.#cache.endList(scope, listed, page.resourceVersion));
    this.#unsynced.delete(scope);
    if (this.#unsynced.size === 0) this.#synced.resolve();
  }

  #tell(changes: Change<P>[]): void {
    for (const change of changes) for (const listener of this.#listeners) listener(change);
  }
}
