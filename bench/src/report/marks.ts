/**
 * A goal of ours for a measure: `ratio` to the Go operator in the same round, `absolute`, or `growth`: the ratio to our own
 * with `from` instead of `n` runs.
 */
export type Mark = MarkFields & ({ type: "ratio" } | { type: "absolute" } | { type: "growth"; from: number });

interface MarkFields {
  title: string;
  part: string;
  n: number;
  value: string;
  digits: number;
  limit: { atLeast: number } | { atMost: number };
}

const ratio = { type: "ratio" } as const;
const absolute = { type: "absolute" } as const;

export const marks: readonly Mark[] = [
  {
    title: "throughput, N = 1,000, runs/s",
    part: "throughput",
    n: 1000,
    value: "runsPerSecond",
    digits: 0,
    ...ratio,
    limit: { atLeast: 1 },
  },
  {
    title: "capacity, N = 1,000, runs/s",
    part: "throughput",
    n: 1000,
    value: "capacity",
    digits: 0,
    ...ratio,
    limit: { atLeast: 1.05 },
  },
  {
    title: "capacity, N = 5,000, runs/s",
    part: "throughput",
    n: 5000,
    value: "capacity",
    digits: 0,
    ...ratio,
    limit: { atLeast: 1.05 },
  },
  {
    title: "operator CPU per 1,000 runs, s",
    part: "throughput",
    n: 1000,
    value: "contenderCpu",
    digits: 2,
    ...ratio,
    limit: { atMost: 0.75 },
  },
  {
    title: "create to Job at 5 runs/s, p50, ms",
    part: "latency",
    n: 200,
    value: "jobP50",
    digits: 1,
    ...ratio,
    limit: { atMost: 1.1 },
  },
  {
    title: "create to Job at 5 runs/s, p99, ms",
    part: "latency",
    n: 200,
    value: "jobP99",
    digits: 1,
    ...ratio,
    limit: { atMost: 1.2 },
  },
  {
    title: "process start to first Job, s",
    part: "start",
    n: 1,
    value: "startToJob",
    digits: 2,
    ...ratio,
    limit: { atMost: 0.8 },
  },
  {
    title: "writes after a start with 20,000 ended runs",
    part: "restart",
    n: 20_000,
    value: "writes",
    digits: 0,
    ...absolute,
    limit: { atMost: 0 },
  },
  {
    title: "start with 5,000 ended runs: quiet after, s",
    part: "restart",
    n: 5000,
    value: "quietAfter",
    digits: 2,
    ...ratio,
    limit: { atMost: 0.8 },
  },
  {
    title: "memory in a burst of 1,000, MiB",
    part: "throughput",
    n: 1000,
    value: "peakMemory",
    digits: 0,
    ...absolute,
    limit: { atMost: 150 },
  },
  {
    title: "memory idle with 5,000 ended runs, MiB",
    part: "restart",
    n: 5000,
    value: "idleMemory",
    digits: 0,
    ...ratio,
    limit: { atMost: 1 },
  },
  {
    title: "memory idle with 20,000 ended runs, MiB",
    part: "restart",
    n: 20_000,
    value: "idleMemory",
    digits: 0,
    ...ratio,
    limit: { atMost: 1 },
  },
  {
    title: "capacity with 20,000 ended runs, of that with 100",
    part: "restart",
    n: 20_000,
    value: "capacity",
    digits: 2,
    type: "growth",
    from: 100,
    limit: { atLeast: 0.9 },
  },
];
