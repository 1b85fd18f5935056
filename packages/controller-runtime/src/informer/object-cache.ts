import type { KubernetesObject, ObjectKey } from "../kubernetes-object.ts";
import { keyOf, keyText } from "../object-key.ts";
import { compareResourceVersions } from "../resource-version.ts";
import type { Change } from "./change.ts";
import { ObjectIndex } from "./object-index.ts";

interface Entry<P> {
  key: ObjectKey;
  uid: string;
  resourceVersion: string;
  projection: P;
  /** Number of the last list of its scope that held it; 0 for none. */
  list: number;
}

export type Indexers<P> = Readonly<Record<string, (projection: P) => string[]>>;

/** The part of the cluster that one watch covers: a namespace, or all of it. */
export type Scope = string | undefined;

const beforeAll = "0";

/** What an informer knows: takes in what lists, watches and own writes tell, and keeps the newest of each object. */
export class ObjectCache<T extends KubernetesObject, P> {
  readonly #project: (object: T, old: P | undefined) => P;
  readonly #scopeOf: (namespace: string | undefined) => Scope;
  readonly #entries = new Map<string, Entry<P>>();
  /** Deleted by an own write; the watch has yet to tell. */
  readonly #deleted = new Map<string, Entry<P>>();
  readonly #indexes: ReadonlyMap<string, ObjectIndex<P>>;
  /** How far the lists and watches have come. */
  readonly #observed = new Map<Scope, string>();
  /** Number of the last list of each scope. */
  readonly #lists = new Map<Scope, number>();

  constructor(options: { project: (object: T, old: P | undefined) => P; indexers: Indexers<P>; namespaced: boolean }) {
    this.#project = options.project;
    this.#scopeOf = (namespace) => (options.namespaced ? namespace : undefined);
    const indexers = Object.entries(options.indexers);
    this.#indexes = new Map(indexers.map(([name, indexer]) => [name, new ObjectIndex(indexer)]));
  }

  get(key: ObjectKey): P | undefined {
    return this.#entries.get(keyText(key))?.projection;
  }

  list(): P[] {
    return Array.from(this.#entries.values(), (entry) => entry.projection);
  }

  byIndex(name: string, value: string): P[] {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new RangeError(`the informer has no index "${name}"`);
    return index.get(value);
  }

  uidOf(key: ObjectKey): string | undefined {
    return this.#entries.get(keyText(key))?.uid;
  }

  remember(object: T): void {
    const { namespace, resourceVersion = beforeAll } = object.metadata;
    // What the watch has passed by is known already, or has been deleted since.
    const observed = this.#observed.get(this.#scopeOf(namespace)) ?? beforeAll;
    if (compareResourceVersions(resourceVersion, observed) > 0) this.apply(object);
  }

  /** The API server says that the object with this UID is gone. */
  rememberDeleted(key: ObjectKey, uid: string | undefined): void {
    const entry = this.#entries.get(keyText(key));
    if (entry === undefined || entry.uid !== uid) return;
    this.#drop(entry);
    this.#deleted.set(keyText(key), entry);
  }

  /** Takes in an object as it is now. */
  apply(object: T): Change<P>[] {
    const key = keyOf(object);
    const id = keyText(key);
    const { uid = "", resourceVersion = beforeAll } = object.metadata;
    const before = this.#entries.get(id);
    const known = before ?? this.#deleted.get(id);
    if (known !== undefined && isKnown(known, uid, resourceVersion, before !== undefined)) return [];
    const current = this.#project(object, before?.uid === uid ? before.projection : undefined);
    if (before !== undefined) this.#drop(before);
    this.#deleted.delete(id);
    this.#put({ key, uid, resourceVersion, projection: current, list: before?.list ?? 0 });
    return changesOf(key, current, known, uid);
  }

  /** Takes in that an object is gone. */
  remove(object: T): Change<P>[] {
    const id = keyText(keyOf(object));
    const known = [this.#entries.get(id), this.#deleted.get(id)];
    const gone = known.find((entry) => entry !== undefined && entry.uid === object.metadata.uid);
    return gone === undefined ? [] : [this.#gone(gone)];
  }

  /** The watch of a scope has come this far. */
  observed(scope: Scope, resourceVersion: string): void {
    this.#observed.set(scope, resourceVersion);
  }

  /** The server's history of a scope has gone back (restored from a backup): versions from before mean nothing now. */
  restored(scope: Scope): void {
    for (const entry of this.#entriesOf(scope)) entry.resourceVersion = beforeAll;
    this.#observed.delete(scope);
  }

  /** A list of a scope begins; the last may not have come to its end. */
  beginList(scope: Scope): void {
    this.#lists.set(scope, this.#listOf(scope) + 1);
  }

  /** Takes in an object that the list of its scope holds. */
  applyListed(object: T): Change<P>[] {
    try {
      return this.apply(object);
    } finally {
      // A list from before an own deletion holds the object still: the watch has yet to tell of that deletion.
      const id = keyText(keyOf(object));
      const entry = this.#entries.get(id) ?? this.#deleted.get(id);
      if (entry !== undefined) entry.list = this.#listOf(this.#scopeOf(object.metadata.namespace));
    }
  }

  /** A list of a scope has ended: what it did not hold, and is not newer, is gone. */
  endList(scope: Scope, resourceVersion: string): Change<P>[] {
    const list = this.#listOf(scope);
    this.observed(scope, resourceVersion);
    return this.#entriesOf(scope)
      .filter((entry) => entry.list !== list && compareResourceVersions(entry.resourceVersion, resourceVersion) <= 0)
      .map((entry) => this.#gone(entry));
  }

  #listOf(scope: Scope): number {
    return this.#lists.get(scope) ?? 0;
  }

  #entriesOf(scope: Scope): Entry<P>[] {
    const all = [...this.#entries.values(), ...this.#deleted.values()];
    return all.filter((entry) => this.#scopeOf(entry.key.namespace) === scope);
  }

  #gone(entry: Entry<P>): Change<P> {
    if (!this.#deleted.delete(keyText(entry.key))) this.#drop(entry);
    return { type: "deleted", key: entry.key, old: entry.projection };
  }

  #put(entry: Entry<P>): void {
    this.#entries.set(keyText(entry.key), entry);
    for (const index of this.#indexes.values()) index.add(entry.projection);
  }

  #drop(entry: Entry<P>): void {
    this.#entries.delete(keyText(entry.key));
    for (const index of this.#indexes.values()) index.remove(entry.projection);
  }
}

/** Whether what is told of an object is not news: no newer than what is known, or of a life that an own write has ended. */
function isKnown<P>(known: Entry<P>, uid: string, resourceVersion: string, exists: boolean): boolean {
  if (compareResourceVersions(resourceVersion, known.resourceVersion) <= 0) return true;
  // An API server that was restored may have brought it back.
  return !exists && known.uid === uid && known.resourceVersion !== beforeAll;
}

function changesOf<P>(key: ObjectKey, current: P, known: Entry<P> | undefined, uid: string): Change<P>[] {
  if (known === undefined) return [{ type: "added", key, current }];
  const old = known.projection;
  if (known.uid === uid) return [{ type: "updated", key, old, current }];
  return [
    { type: "deleted", key, old },
    { type: "added", key, current },
  ];
}
