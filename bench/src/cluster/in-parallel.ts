/** Does something for each item, for at most `limit` of them at once, and answers what came of it in the items' order. */
export async function inParallel<T, R>(
  limit: number,
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const left = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of left) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return results;
}

/** Does what it is given in turn, at most `limit` at once. */
export class WorkPool {
  readonly #limit: number;
  readonly #waiting: (() => Promise<void>)[] = [];
  #busy = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** `work` must not reject. */
  add(work: () => Promise<void>): void {
    this.#waiting.push(work);
    if (this.#busy < this.#limit) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#busy += 1;
    for (let work = this.#waiting.shift(); work !== undefined; work = this.#waiting.shift()) await work();
    this.#busy -= 1;
  }
}
