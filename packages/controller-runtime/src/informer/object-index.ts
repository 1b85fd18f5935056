/** Finds projections by a value that an indexer gives for them. */
export class ObjectIndex<P> {
  readonly #indexer: (projection: P) => string[];
  readonly #members = new Map<string, P[]>();

  constructor(indexer: (projection: P) => string[]) {
    this.#indexer = indexer;
  }

  get(value: string): P[] {
    return [...(this.#members.get(value) ?? [])];
  }

  add(projection: P): void {
    for (const value of this.#indexer(projection)) {
      const members = this.#members.get(value);
      if (members === undefined) this.#members.set(value, [projection]);
      else members.push(projection);
    }
  }

  remove(projection: P): void {
    for (const value of this.#indexer(projection)) {
      const rest = this.#members.get(value)?.filter((member) => member !== projection) ?? [];
      if (rest.length > 0) this.#members.set(value, rest);
      else this.#members.delete(value);
    }
  }
}
