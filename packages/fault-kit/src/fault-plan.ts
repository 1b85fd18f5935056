import fc from "fast-check";
import type { Verb } from "./api-call.ts";
import { type Effect, type Fault, refusedStatuses, type RefusedStatus } from "./fault.ts";

export interface PlanOptions {
  /** Resources whose requests may fail, with their subresources: `jobs`, `docsgenerationruns/status`. */
  resources: Readonly<Partial<Record<Verb, readonly string[]>>>;
  /** How many faults. */
  faults: number;
  /** The last request of its verb and resource that may be met. */
  lastNth: number;
  /** How many lines of a watch may come before it is cut. Default: 5. */
  lastLine?: number;
  /** Of delays, held watches and lagging reads, in milliseconds. Default: 1,000. */
  longestMs?: number;
  /** Default: all that the kit has. */
  statuses?: readonly RefusedStatus[];
}

/** The faults that belong to a seed: the same for ever, whatever else happens. */
export function drawPlan(seed: number, options: PlanOptions): Fault[] {
  const { faults, lastNth } = options;
  const verbs = Object.keys(options.resources) as Verb[];
  const fault = fc.constantFrom(...verbs).chain((verb) =>
    fc.record({
      verb: fc.constant(verb),
      resource: fc.constantFrom(...(options.resources[verb] ?? [])),
      nth: fc.integer({ min: 1, max: lastNth }),
      effect: effectOn(verb, options),
    }),
  );
  const [plan = []] = fc.sample(fc.array(fault, { minLength: faults, maxLength: faults }), { seed, numRuns: 1 });
  return plan;
}

function effectOn(
  verb: Verb,
  { longestMs = 1_000, lastLine = 5, statuses = refusedStatuses }: PlanOptions,
): fc.Arbitrary<Effect> {
  const milliseconds = fc.integer({ min: 1, max: longestMs });
  const anywhere: fc.Arbitrary<Effect>[] = [
    fc.constantFrom(...statuses).chain(refusal),
    fc.record({ type: fc.constant("drop"), when: fc.constantFrom("request", "answer") }),
    fc.record({ type: fc.constant("delay"), milliseconds }),
    fc.record({ type: fc.constant("cut"), afterLines: fc.nat(lastLine) }),
    fc.record({ type: fc.constant("lag"), milliseconds }),
  ];
  const ofWatch: fc.Arbitrary<Effect>[] = [
    fc.constant({ type: "duplicate" }),
    fc.record({ type: fc.constant("hold"), milliseconds, join: fc.boolean() }),
  ];
  return fc.oneof(...anywhere, ...(verb === "watch" ? ofWatch : []));
}

function refusal(status: RefusedStatus): fc.Arbitrary<Effect> {
  const plain = fc.constant({ type: "refuse", status } as const);
  if (status !== 429 && status !== 503) return plain;
  return fc.oneof(plain, fc.constant({ type: "refuse", status, retryAfterSeconds: 1 } as const));
}
