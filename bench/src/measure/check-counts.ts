import { type Contender, docsOperator, implementationOperator } from "../contender/contender.ts";
import type { Measurement } from "./measurement.ts";
import { countReads } from "./request-counts.ts";

type Measured = Pick<Measurement, "values" | "requests">;

const ours: readonly Contender[] = [docsOperator, implementationOperator];

/**
 * Answers what was measured, if our operators wrote exactly the four writes of each run, no more than so many events, and read nothing.
 * @throws CountsDiffer
 */
export function checkCounts(contender: Contender, measured: Measured, { events }: { events: number }): Measured {
  const { requests = {} } = measured;
  if (!ours.includes(contender)) return measured;
  const { plural } = contender.runs;
  const expected = { "POST configmaps": 1, "POST jobs": 1, [`PATCH ${plural}/status`]: 2, "POST events": events };
  for (const [request, count] of Object.entries(expected)) {
    if ((requests[request] ?? 0) !== count) throw new CountsDiffer(contender, { request, count, found: requests });
  }
  const reads = countReads(requests, [plural, "jobs", "pods", "configmaps", "events"]);
  if (reads !== 0) throw new CountsDiffer(contender, { request: "reads", count: 0, found: requests });
  return measured;
}

/** @throws CountsDiffer when one of our operators has written anything after its start. */
export function checkRestart(contender: Contender, measured: Measured): Measured {
  const { writes } = measured.values;
  if (ours.includes(contender) && writes !== 0) {
    throw new CountsDiffer(contender, { request: "writes after a restart", count: 0, found: { writes: writes ?? 0 } });
  }
  return measured;
}

/** An operator has asked more, or less, of the API server than a run needs. */
export class CountsDiffer extends Error {
  override readonly name = "CountsDiffer";

  constructor(contender: Contender, { request, count, found }: { request: string; count: number; found: object }) {
    super(`${contender.name}: ${request} should be ${count} per run; found: ${JSON.stringify(found)}`);
  }
}
