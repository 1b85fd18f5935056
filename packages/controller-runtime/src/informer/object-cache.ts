import type { KubernetesObject, ObjectKey } from "../kubernetes-object.ts";
import { keyOf, keyText } from "../object-key.ts";
import { compareResourceVersions } from "../resource-version.ts";
import type { Change } from "./change.ts";
import type { Store } from "./store.ts";

interface Entry<P> {
  key: ObjectKey;
  uid: string;
  resourceVersion: string;
  projection: P;
}

export type Indexers<P> = Readonly<Record<string, (projection: P) => string[]>>;

/** The part of the cluster that one watch covers: a namespace, or all of it. */
export type Scope = string | undefined;

const beforeAll = "0";

/** The store behind an informer: takes in what lists, watches and own writes tell, and keeps the newest of each. */
export class ObjectCache<T extends KubernetesObject, P> implements Store<P, T> {
  readonly #project: (object: T) => P;
  readonly #indexers: Indexers<P>;
  readonly #scopeOf: (namespace: string | undefined) => Scope;
  readonly #entries = new Map<string, Entry<P>>();
  readonly #indexes = new Map<string, Map<string, Map<string, P>>>();
  /** How far the lists and watches have come. */
  readonly #observed = new Map<Scope, string>();

  constructor(options: { project: (object: T) => P; indexers: Indexers<P>; namespaced: boolean }) {
    this.#project = options.project;
    this.#indexers = options.indexers;
    this.#scopeOf = (namespace) => (options.namespaced ? namespace : undefined);
    for (const index of Object.keys(options.indexers)) this.#indexes.set(index, new Map());
  }

  get(key: ObjectKey): P | undefined {
    return this.#entries.get(keyText(key))?.projection;
  }

  list(): P[] {
    return Array.from(this.#entries.values(), (entry) => entry.projection);
  }

  byIndex(index: string, value: string): P[] {
    const values = this.#indexes.get(index);
    if (values === undefined) throw new RangeError(`the informer has no index "${index}"`);
    return Array.from(values.get(value)?.values() ?? []);
  }

  remember(object: T): void {
    const { namespace, resourceVersion = beforeAll } = object.metadata;
    // What the watch has passed by is known already, or has been deleted since.
    const observed = this.#observed.get(this.#scopeOf(namespace)) ?? beforeAll;
    if (compareResourceVersions(resourceVersion, observed) > 0) this.apply(object);
  }

  /** Takes in an object as it is now. */
  apply(object: T): Change<P>[] {
    const key = keyOf(object);
    const { uid = "", resourceVersion = beforeAll } = object.metadata;
    const before = this.#entries.get(keyText(key));
    if (before !== undefined && compareResourceVersions(resourceVersion, before.resourceVersion) <= 0) return [];
    const current = this.#project(object);
    if (before !== undefined) this.#drop(before);
    this.#put({ key, uid, resourceVersion, projection: current });
    if (before === undefined) return [{ type: "added", key, current }];
    if (before.uid === uid) return [{ type: "updated", key, old: before.projection, current }];
    return [
      { type: "deleted", key, old: before.projection },
      { type: "added", key, current },
    ];
  }

  /** Takes in that an object is gone. */
  remove(object: T): Change<P>[] {
    const before = this.#entries.get(keyText(keyOf(object)));
    if (before === undefined || before.uid !== object.metadata.uid) return [];
    this.#drop(before);
    return [{ type: "deleted", key: before.key, old: before.projection }];
  }

  /** The watch of a scope has come this far. */
  observed(scope: Scope, resourceVersion: string): void {
    this.#observed.set(scope, resourceVersion);
  }

  /** A list of a scope, as of `resourceVersion`, begins. */
  beginList(scope: Scope, resourceVersion: string): void {
    const before = this.#observed.get(scope);
    if (before === undefined || compareResourceVersions(resourceVersion, before) >= 0) return;
    // The server's history has gone back (restored from a backup): versions known from before mean nothing now.
    for (const entry of this.#entriesOf(scope)) entry.resourceVersion = beforeAll;
  }

  /** A list of a scope has ended: what it did not hold, and is not newer, is gone. */
  endList(scope: Scope, listed: ReadonlySet<string>, resourceVersion: string): Change<P>[] {
    this.observed(scope, resourceVersion);
    const gone = this.#entriesOf(scope).filter(
      (entry) =>
        !listed.has(keyText(entry.key)) && compareResourceVersions(entry.resourceVersion, resourceVersion) <= 0,
    );
    return gone.map((entry) => {
      this.#drop(entry);
      return { type: "deleted", key: entry.key, old: entry.projection };
    });
  }

  #entriesOf(scope: Scope): Entry<P>[] {
    return [...this.#entries.values()].filter((entry) => this.#scopeOf(entry.key.namespace) === scope);
  }

  #put(entry: Entry<P>): void {
    const id = keyText(entry.key);
    this.#entries.set(id, entry);
    for (const [index, values] of this.#indexes) {
      for (const value of this.#indexers[index]?.(entry.projection) ?? []) {
        const members = values.get(value) ?? new Map<string, P>();
        values.set(value, members.set(id, entry.projection));
      }
    }
  }

  #drop(entry: Entry<P>): void {
    const id = keyText(entry.key);
    this.#entries.delete(id);
    for (const [index, values] of this.#indexes) {
      for (const value of this.#indexers[index]?.(entry.projection) ?? []) {
        const members = values.get(value);
        members?.delete(id);
        if (members?.size === 0) values.delete(value);
      }
    }
  }
}
