import type { KubernetesObject, ObjectKey } from "../kubernetes-object.ts";

/**
 * What is known of the objects of one kind, as projections (`P`) of the objects (`T`). Reading costs no request.
 *
 * Reads see own writes: what is read after a write is never older than it, whatever the watch has told by then.
 * - An answered write is in the store before the caller goes on; one that deleted the object takes it out.
 * - An answer that was lost (no answer, or an error of the server's own) says nothing of whether the write happened.
 *   `confirm`, called before the next decision, reads the object once.
 * - What the watch tells later counts only where it is newer. Versions of one kind are compared as numbers, which
 *   Kubernetes promises from 1.35 on and has always kept with etcd. A deletion counts for the life (UID) it ended.
 * Only a server that was restored from a backup, which a list tells by a version from before, makes the store go back.
 */
export interface Store<P, T extends KubernetesObject = KubernetesObject> {
  get(key: ObjectKey): P | undefined;
  list(): P[];
  /** The projections for which the informer's indexer of this name gave `value`. */
  byIndex(index: string, value: string): P[];
  /**
   * Takes in an object as the API server has just answered it, unless the store knows it as new already. Listeners
   * are not told, and the watch's echo then changes nothing. The object must be one that the informer watches
   * (namespace, labels), or nothing would ever remove it.
   */
  remember(object: T): void;
  /**
   * Carries out a write of the object of this key and takes in what became of it. `attempt` answers with the object, or
   * with nothing where it is gone.
   */
  write<R extends T | undefined>(key: ObjectKey, attempt: () => Promise<R>): Promise<R>;
  /**
   * Reads the object where the outcome of an own write of it is unknown, and answers whether it was.
   *
   * @throws as the client's `get`, but for `NotFound`.
   */
  confirm(key: ObjectKey, signal: AbortSignal): Promise<boolean>;
}
