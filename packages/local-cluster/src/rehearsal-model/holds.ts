interface Hold {
  afterCalls: number;
  waiting: Set<() => void>;
}

/** Requests that wait until somebody lets them go. */
export class Holds {
  readonly #holds = new Map<string, Hold>();

  /** From now on requests whose prompt contains `text` wait, in a session that has made `afterCalls` tool calls or more. */
  hold(text: string, { afterCalls = 0 }: { afterCalls?: number } = {}): void {
    if (!this.#holds.has(text)) this.#holds.set(text, { afterCalls, waiting: new Set() });
  }

  /** Lets all of them go on, and those that come later. */
  release(text: string): void {
    const hold = this.#holds.get(text);
    this.#holds.delete(text);
    for (const go of hold?.waiting ?? []) go();
  }

  /** How many requests wait for `text`. */
  held(text: string): number {
    return this.#holds.get(text)?.waiting.size ?? 0;
  }

  /** Resolves when no hold is on the prompt any more, or the signal aborts. `calls`: that the session has made. */
  async pass(prompt: string, calls: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const found = [...this.#holds].find(([text, { afterCalls }]) => calls >= afterCalls && prompt.includes(text));
      const waiting = found?.[1].waiting;
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
