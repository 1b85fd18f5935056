import type { ObjectKey } from "../kubernetes-object.ts";

/** What happened to an object in the cache. One of another UID under the same name is a deletion, then an addition. */
export type Change<P> =
  | { type: "added"; key: ObjectKey; old?: undefined; current: P }
  | { type: "updated"; key: ObjectKey; old: P; current: P }
  | { type: "deleted"; key: ObjectKey; old: P; current?: undefined };

/** What is told of a change. */
export interface ChangeContext {
  /** Whether it only tells what existed when the program started. */
  initial: boolean;
}
