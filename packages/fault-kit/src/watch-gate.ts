import { joinEvents, readEvent, type EventLine } from "./event-lines.ts";

/** Until when a watch is held back: for good, or as far as it is newer than a moment. */
export type Barrier = { type: "none" } | { type: "all" } | { type: "newerThan"; resourceVersion: number };

/** Stands in one watch, and lets its events through, later, or more than once. */
export class WatchGate {
  readonly #write: (line: string) => void;
  readonly #times: number;
  #withheld: EventLine[] = [];

  /** @param times how often each event is passed on */
  constructor(write: (line: string) => void, { times = 1 }: { times?: number } = {}) {
    this.#write = write;
    this.#times = times;
  }

  /** What comes after an event that is withheld is withheld, too. */
  take(line: string, barrier: Barrier): void {
    if (barrier.type === "none" && this.#withheld.length === 0) return this.#pass(line);
    const event = readEvent(line);
    const stopped =
      this.#withheld.length > 0 ||
      barrier.type === "all" ||
      (barrier.type === "newerThan" && event.resourceVersion > barrier.resourceVersion);
    if (stopped) this.#withheld.push(event);
    else this.#pass(line);
  }

  /** Passes on what was withheld: all of it, or of each object the last state only. */
  release({ join }: { join: boolean }): void {
    const events = join ? joinEvents(this.#withheld) : this.#withheld;
    this.#withheld = [];
    for (const { text } of events) this.#pass(text);
  }

  #pass(line: string): void {
    for (let time = 0; time < this.#times; time += 1) this.#write(line);
  }
}
