import type { ObjectKey } from "../kubernetes-object.ts";

/** What has just changed is `live`; the initial list, and what is looked at again after a time, is `background`. */
export type Urgency = "live" | "background";

/** While live keys wait, one of so many handed out is a background key, so that none waits for ever. */
const backgroundShare = 4;

/** The keys that wait, by urgency, each in order of arrival. */
export class Lanes {
  readonly #live = new Map<string, ObjectKey>();
  readonly #background = new Map<string, ObjectKey>();
  #liveInARow = 0;

  get size(): number {
    return this.#live.size + this.#background.size;
  }

  has(id: string): boolean {
    return this.#live.has(id) || this.#background.has(id);
  }

  /** A key that waits already keeps its place, unless it becomes more urgent. */
  add(id: string, key: ObjectKey, urgency: Urgency): void {
    if (urgency === "background") {
      if (!this.has(id)) this.#background.set(id, key);
      return;
    }
    this.#background.delete(id);
    if (!this.#live.has(id)) this.#live.set(id, key);
  }

  /** Takes out the next key. */
  next(): [id: string, key: ObjectKey] | undefined {
    const liveNext = this.#background.size === 0 || this.#liveInARow < backgroundShare - 1;
    const lane = liveNext && this.#live.size > 0 ? this.#live : this.#background;
    this.#liveInARow = lane === this.#live && this.#background.size > 0 ? this.#liveInARow + 1 : 0;
    const [first] = lane;
    if (first !== undefined) lane.delete(first[0]);
    return first;
  }

  clear(): void {
    this.#live.clear();
    this.#background.clear();
  }
}
