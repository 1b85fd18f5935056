/** Lets one piece of work follow the other: what goes upstream never goes there twice at once. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Does `work` when all that was asked for before is over, whichever way that ended. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    this.#last = turn;
    return await turn;
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled([this.#last]);
  }
}
