import type { RequestCounts } from "./request-counts.ts";

/** What was measured of one contender in one round. */
export interface Measurement {
  /** What the others of its table have in common, such as `throughput`. */
  part: string;
  contender: string;
  /** Of runs in a burst, or of runs that had ended before. */
  n: number;
  round: number;
  /** By name; units stand in the tables. */
  values: Record<string, number>;
  /** Per run. */
  requests?: RequestCounts;
}
