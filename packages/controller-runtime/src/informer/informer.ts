import type { Logger } from "pino";
import type { KubernetesClient } from "../client/kubernetes-client.ts";
import { type Clock, sleep, systemClock } from "../clock.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { keyOf } from "../object-key.ts";
import type { ResourceType } from "../resource-type.ts";
import { Watcher, type WatcherEvent } from "../watch/watcher.ts";
import type { Change, ChangeContext } from "./change.ts";
import { ObjectCache, type Scope } from "./object-cache.ts";
import { OwnWrites } from "./own-writes.ts";
import type { Store } from "./store.ts";

type Listener<P> = (change: Change<P>, context: ChangeContext) => void;

const retryMs = 1000;

export interface InformerOptions<T extends KubernetesObject, P> {
  client: KubernetesClient;
  type: ResourceType<T>;
  /** Default: all namespaces. */
  namespaces?: readonly string[] | undefined;
  /** Default: every object. */
  labelSelector?: string | undefined;
  /** Default: every object. */
  fieldSelector?: string | undefined;
  /**
   * The small part of an object that is kept; the rest is forgotten. `old` is what has been kept of it until now. An object for
   * which it throws is left as it was.
   */
  project: (object: T, old: P | undefined) => P;
  /** By name: under which values a projection can be found by `store.byIndex`. */
  indexers?: Readonly<Record<string, (projection: P) => string[]>>;
  logger: Logger;
  /** Default: not counted. */
  metrics?: Metrics | undefined;
  /** Default: the system's. */
  clock?: Clock | undefined;
  /** Default: `Math.random`. */
  random?: (() => number) | undefined;
}

/** Keeps a store of the objects of one kind up to date, and tells listeners what changed. */
export class Informer<T extends KubernetesObject, P> {
  readonly type: ResourceType<T>;
  readonly store: Store<P, T>;
  readonly #options: InformerOptions<T, P>;
  readonly #cache: ObjectCache<T, P>;
  readonly #scopes: readonly Scope[];
  readonly #unsynced: Set<Scope>;
  readonly #listeners: Listener<P>[] = [];
  readonly #synced = Promise.withResolvers<void>();

  constructor(options: InformerOptions<T, P>) {
    this.type = options.type;
    this.#options = options;
    const { client, namespaces, project, indexers = {} } = options;
    this.#scopes = namespaces ?? [undefined];
    this.#unsynced = new Set(this.#scopes);
    this.#cache = new ObjectCache({ project, indexers, namespaced: namespaces !== undefined });
    const ownWrites = new OwnWrites(this.#cache, (key, signal) => client.get(this.type, key, { signal }));
    this.store = storeOf(this.#cache, ownWrites);
    // Whoever waits sees a failure; nobody has to.
    this.#synced.promise.catch(() => undefined);
  }

  /** The listener must not throw; it is called within the watch, so it should do no more than note a key. */
  onChange(listener: Listener<P>): void {
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

  /**
   * How far the API server is, whatever the watch has told: what other programs have written before is not newer. Asks until there
   * is an answer.
   *
   * @throws the signal's reason when that aborts.
   */
  async currentVersion(signal: AbortSignal): Promise<string> {
    const { client, namespaces, logger, clock = systemClock } = this.#options;
    const options = { namespace: namespaces?.[0], limit: 1, signal };
    for (;;) {
      try {
        return (await client.list(this.type, options)).resourceVersion;
      } catch (error) {
        signal.throwIfAborted();
        logger.warn({ resource: this.type.plural, err: error }, "cannot read how far the API server is, trying again");
        await sleep(clock, retryMs, signal);
      }
    }
  }

  #watcher(scope: Scope): Watcher<T> {
    const { client, type, labelSelector, fieldSelector, logger, metrics, clock, random } = this.#options;
    const onEvent = (event: WatcherEvent<T>): void => this.#take(scope, event);
    const selection = { namespace: scope, labelSelector, fieldSelector };
    return new Watcher({ client, type, selection, onEvent, logger, metrics, clock, random });
  }

  #take(scope: Scope, event: WatcherEvent<T>): void {
    switch (event.type) {
      case "restored":
        return this.#cache.restored(scope);
      case "listBegun":
        return this.#cache.beginList(scope);
      case "listed":
        return this.#tell(
          scope,
          this.#understood(event.object, () => this.#cache.applyListed(event.object)),
        );
      case "listEnded":
        this.#tell(scope, this.#cache.endList(scope, event.resourceVersion));
        this.#unsynced.delete(scope);
        if (this.#unsynced.size === 0) this.#synced.resolve();
        return;
      case "applied":
        this.#tell(
          scope,
          this.#understood(event.object, () => this.#cache.apply(event.object)),
        );
        return this.#cache.observed(scope, event.object.metadata.resourceVersion ?? "0");
      case "deleted":
        this.#tell(scope, this.#cache.remove(event.object));
        return this.#cache.observed(scope, event.object.metadata.resourceVersion ?? "0");
      case "progressed":
        return this.#cache.observed(scope, event.resourceVersion);
    }
  }

  /** One object for which the projection throws must not end the watch of all others. */
  #understood(object: T, apply: () => Change<P>[]): Change<P>[] {
    try {
      return apply();
    } catch (error) {
      const { plural } = this.#options.type;
      this.#options.logger.error({ resource: plural, ...keyOf(object), err: error }, "object not understood");
      return [];
    }
  }

  #tell(scope: Scope, changes: Change<P>[]): void {
    const context = { initial: this.#unsynced.has(scope) };
    for (const change of changes) for (const listener of this.#listeners) listener(change, context);
  }
}

function storeOf<T extends KubernetesObject, P>(cache: ObjectCache<T, P>, ownWrites: OwnWrites<T, P>): Store<P, T> {
  return {
    get: (key) => cache.get(key),
    list: () => cache.list(),
    byIndex: (index, value) => cache.byIndex(index, value),
    remember: (object) => cache.remember(object),
    write: (key, attempt) => ownWrites.write(key, attempt),
    confirm: (key, signal) => ownWrites.confirm(key, signal),
  };
}
