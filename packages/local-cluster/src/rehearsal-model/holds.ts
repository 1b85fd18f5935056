/** Requests that wait until somebody lets them go. */
export class Holds {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** From now on requests whose prompt contains `text` wait. */
  hold(text: string): void {
    if (!this.#waiting.has(text)) this.#waiting.set(text, new Set());
  }

  /** Lets all of them go on, and those that come later. */
  release(text: string): void {
    const waiting = this.#waiting.get(text);
    this.#waiting.delete(text);
    for (const go of waiting ?? []) go();
  }

  /** How many requests wait for `text`. */
  held(text: string): number {
    return this.#waiting.get(text)?.size ?? 0;
  }

  /** Resolves when no hold is on the prompt any more, or the signal aborts. */
  async pass(prompt: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const waiting = [...this.#waiting].find(([text]) => prompt.includes(text))?.[1];
      if (waiting === undefined || signal.aborted) return;
      await new Promise<void>((resolve) => {
        const go = () => {
          waiting.delete(go);
          signal.removeEventListener("abort", go);
          resolve();
        };
        waiting.add(go);
        signal.addEventListener("abort", go, { once: true });
      });
    }
  }
}
