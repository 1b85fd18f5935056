import { isApiError, unlessNotFound } from "../client/api-error.ts";
import type { KubernetesObject, ObjectKey } from "../kubernetes-object.ts";
import { keyText } from "../object-key.ts";
import type { ObjectCache } from "./object-cache.ts";

/** Keeps a cache from being older than this program's own writes, also where their answers are lost. */
export class OwnWrites<T extends KubernetesObject, P> {
  readonly #cache: ObjectCache<T, P>;
  readonly #read: (key: ObjectKey, signal: AbortSignal) => Promise<T>;
  /** Whose last write may or may not have happened. */
  readonly #doubtful = new Set<string>();

  constructor(cache: ObjectCache<T, P>, read: (key: ObjectKey, signal: AbortSignal) => Promise<T>) {
    this.#cache = cache;
    this.#read = read;
  }

  async write<R extends T | undefined>(key: ObjectKey, attempt: () => Promise<R>): Promise<R> {
    const uid = this.#cache.uidOf(key);
    try {
      const answer = await attempt();
      this.#take(key, uid, answer);
      return answer;
    } catch (error) {
      if (!isRefusal(error)) this.#doubtful.add(keyText(key));
      throw error;
    }
  }

  async confirm(key: ObjectKey, signal: AbortSignal): Promise<boolean> {
    if (!this.#doubtful.has(keyText(key))) return false;
    const uid = this.#cache.uidOf(key);
    this.#take(key, uid, await unlessNotFound(this.#read(key, signal)));
    return true;
  }

  /** `uid`: of the object that was known when the server was asked; another of its name may have come since. */
  #take(key: ObjectKey, uid: string | undefined, answer: T | undefined): void {
    this.#doubtful.delete(keyText(key));
    if (answer === undefined) this.#cache.rememberDeleted(key, uid);
    else this.#cache.remember(answer);
  }
}

/** Whether the server says that it did nothing. Its own errors, and silence, leave that open. */
function isRefusal(error: unknown): boolean {
  return isApiError(error) && error.status < 500;
}
