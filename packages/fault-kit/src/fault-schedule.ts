import type { ApiCall } from "./api-call.ts";
import type { Effect, Fault } from "./fault.ts";

/** Counts requests, and says which of them a plan has something for. */
export class FaultSchedule {
  readonly #plan: readonly Fault[];
  readonly #counts = new Map<string, number>();
  readonly #met: Fault[] = [];

  constructor(plan: readonly Fault[]) {
    this.#plan = plan;
  }

  /** The faults that have come true. */
  get met(): readonly Fault[] {
    return this.#met;
  }

  /** Counts a request; the first fault of the plan that is meant for it decides. */
  next({ verb, resource }: ApiCall): Effect | undefined {
    const own = this.#count(`${verb} ${resource}`);
    const ofAny = this.#count(`${verb} any`);
    const fault = this.#plan.find(
      (one) =>
        one.verb === verb &&
        ((one.resource === resource && one.nth === own) || (one.resource === "any" && one.nth === ofAny)),
    );
    if (fault === undefined) return undefined;
    this.#met.push(fault);
    return fault.effect;
  }

  #count(what: string): number {
    const count = (this.#counts.get(what) ?? 0) + 1;
    this.#counts.set(what, count);
    return count;
  }
}
