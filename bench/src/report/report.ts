import { docsOperator, goOperator } from "../contender/contender.ts";
import type { Measurement } from "../measure/measurement.ts";
import { median, type Spread, spread } from "../measure/statistics.ts";
import { marks, type Mark } from "./marks.ts";
import { renderTable } from "./table.ts";

interface Column {
  title: string;
  value: string;
  digits: number;
}

const throughputColumns: Column[] = [
  { title: "runs/s", value: "runsPerSecond", digits: 0 },
  { title: "capacity, runs/s", value: "capacity", digits: 0 },
  { title: "operator CPU, s", value: "contenderCpu", digits: 2 },
  { title: "API server CPU, s", value: "apiServerCpu", digits: 1 },
  { title: "etcd CPU, s", value: "etcdCpu", digits: 1 },
  { title: "most memory, MiB", value: "peakMemory", digits: 0 },
];

const columns: Record<string, { heading: string; columns: Column[] }> = {
  throughput: { heading: "A burst of N runs; CPU per 1,000 runs", columns: throughputColumns },
  latency: {
    heading: "N runs, five a second",
    columns: [
      { title: "create to Job, p50, ms", value: "jobP50", digits: 1 },
      { title: "p99, ms", value: "jobP99", digits: 1 },
    ],
  },
  start: {
    heading: "Start of the process, with one run waiting",
    columns: [{ title: "start to Job, s", value: "startToJob", digits: 2 }],
  },
  restart: {
    heading: "Start with N runs that have ended, then 500 more; CPU per 1,000 runs",
    columns: [
      { title: "writes at the start", value: "writes", digits: 0 },
      { title: "quiet after, s", value: "quietAfter", digits: 2 },
      { title: "CPU until then, s", value: "quietCpu", digits: 2 },
      { title: "memory idle, MiB", value: "idleMemory", digits: 0 },
      { title: "start to Job, s", value: "startToJob", digits: 2 },
      ...throughputColumns.slice(1, 5),
    ],
  },
};

/** The tables of what was measured: medians, with the least and the greatest where there were several rounds. */
export function renderReport(measurements: readonly Measurement[]): string {
  const parts = Object.entries(columns).map(([part, { heading, columns: chosen }]) => ({
    heading,
    table: partTable(measurements, part, chosen),
  }));
  const goals = { heading: "The goals", table: goalsTable(measurements) };
  const requests = { heading: "Requests per run", table: requestsTable(measurements) };
  return [goals, requests, ...parts]
    .filter(({ table }) => table !== "")
    .map(({ heading, table }) => `### ${heading}\n\n${table}`)
    .join("\n\n");
}

function partTable(measurements: readonly Measurement[], part: string, chosen: readonly Column[]): string {
  const rows = groups(measurements.filter((measurement) => measurement.part === part)).map(
    ({ first: { contender, n }, group }) => {
      const cells = chosen.map(({ value, digits }) => spreadText(spread(valuesOf(group, value)), digits));
      return [contender, n.toLocaleString("en"), ...cells, String(group.length)];
    },
  );
  return renderTable(["", "N", ...chosen.map(({ title }) => title), "rounds"], rows);
}

/** Those of one contender and size. */
function groups(measurements: readonly Measurement[]): { first: Measurement; group: Measurement[] }[] {
  const found = Map.groupBy(measurements, ({ part, n, contender }) => `${part} ${n} ${contender}`);
  return [...found.values()].flatMap((group) => group.slice(0, 1).map((first) => ({ first, group })));
}

function valuesOf(group: readonly Measurement[], value: string): number[] {
  return group.map(({ values }) => values[value] ?? Number.NaN);
}

function goalsTable(measurements: readonly Measurement[]): string {
  const rows = marks.flatMap((mark) => {
    const group = (name: string, n: number): Measurement[] =>
      measurements.filter((one) => one.part === mark.part && one.n === n && one.contender === name);
    const our = group(docsOperator.name, mark.n);
    return our.length === 0 ? [] : [goalRow(mark, our, group)];
  });
  return renderTable(["", docsOperator.name, goOperator.name, "ratio, by round", "goal", "reached"], rows);
}

function goalRow(
  mark: Mark,
  our: readonly Measurement[],
  group: (contender: string, n: number) => readonly Measurement[],
): string[] {
  const { value, digits, n } = mark;
  const text = (values: readonly number[], places = digits): string =>
    values.length === 0 ? "" : spreadText(spread(values), places);
  const their = group(goOperator.name, n);
  const row = (first: string, second: string, ratio: string, kept: number): string[] => {
    return [mark.title, first, second, ratio, limitText(mark), isKept(mark, kept) ? "yes" : "no"];
  };
  switch (mark.type) {
    case "absolute":
      return row(text(valuesOf(our, value)), text(valuesOf(their, value)), "", median(valuesOf(our, value)));
    case "ratio": {
      const ratios = pairedRatios(our, their, value);
      return row(text(valuesOf(our, value)), text(valuesOf(their, value)), text(ratios, 2), median(ratios));
    }
    case "growth": {
      const grown = (name: string): number =>
        median(valuesOf(group(name, n), value)) / median(valuesOf(group(name, mark.from), value));
      const [ours, theirs] = [grown(docsOperator.name), grown(goOperator.name)];
      return row(ours.toFixed(digits), theirs.toFixed(digits), "", ours);
    }
  }
}

/** Ours by theirs, round by round: what else the machine did in a round, both have met. */
function pairedRatios(our: readonly Measurement[], their: readonly Measurement[], value: string): number[] {
  return our.flatMap(({ round, values }) => {
    const other = their.find((measurement) => measurement.round === round);
    return other === undefined ? [] : [(values[value] ?? Number.NaN) / (other.values[value] ?? Number.NaN)];
  });
}

function limitText({ limit, type }: Mark): string {
  const unit = type === "ratio" ? "x" : "";
  return "atLeast" in limit ? `>= ${limit.atLeast}${unit}` : `<= ${limit.atMost}${unit}`;
}

function isKept({ limit }: Mark, value: number): boolean {
  return "atLeast" in limit ? value >= limit.atLeast : value <= limit.atMost;
}

function requestsTable(measurements: readonly Measurement[]): string {
  const counted = groups(measurements.filter(({ requests }) => requests !== undefined));
  const rows = counted.map(({ first: { contender, part, n, requests = {} } }) => {
    const own = Object.entries(requests).filter(([name, count]) => isOperators(name) && count >= 0.01);
    const text = own
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([name, count]) => `${name} ${Number(count.toFixed(2))}`);
    return [contender, part === "requests" ? "on" : "off", n.toLocaleString("en"), text.join(", ")];
  });
  return renderTable(["", "events", "N", "requests of the operator, per run"], rows);
}

const harness = [
  "POST pods",
  "PATCH pods/status",
  "PATCH jobs/status",
  "POST docsgenerationruns",
  "POST taskimplementationruns",
];

function isOperators(name: string): boolean {
  const [verb = "", resource = ""] = name.split(" ");
  return /^[a-z]/.test(resource) && verb !== "WATCH" && !harness.includes(name) && !resource.startsWith("leases");
}

function spreadText({ median, min, max }: Spread, digits: number): string {
  const text = (value: number): string => value.toFixed(digits);
  return text(min) === text(max) ? text(median) : `${text(median)} (${text(min)} to ${text(max)})`;
}
