import type { KubernetesObject, ObjectKey } from "../kubernetes-object.ts";

/** What is known of the objects of one kind, as projections (`P`) of the objects (`T`). Reading costs no request. */
export interface Store<P, T extends KubernetesObject = KubernetesObject> {
  get(key: ObjectKey): P | undefined;
  list(): P[];
  /** The projections for which the informer's indexer of this name gave `value`. */
  byIndex(index: string, value: string): P[];
  /**
   * Puts the object that the API server answered a write with into the cache when the cache does not know it yet, so
   * that a reconcile which comes before the watch does not act on a state older than its own last write. Listeners
   * are not told: the writer knows, and the watch's echo of the write then changes nothing. The object must be one that
   * the informer watches (namespace, labels), or nothing would ever remove it.
   */
  remember(object: T): void;
}
