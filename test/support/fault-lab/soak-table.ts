import type { Sample } from "./replica.ts";
import { blows, type SoakReport } from "./soak.ts";

/**
 * How much more a process may hold at the end of the calm than at its begin. Every run is deleted when it is over, so what a
 * process needs does not depend on how many it has seen; the work in hand, and the connections of the client's
 * pool (32 at most), come and go within these bounds, while a leak of some KiB or one listener for each of thousands of runs would
 * pass them. V8 keeps much of what it has once had from the system, and a standby needs less than a leader: hence the room for what
 * is resident.
 */
const bounds: Sample = { residentMiB: 128, heapMiB: 12, descriptors: 40, activeResources: 48 };

/** What has grown beyond its bound. */
export function growth({ kind, samples }: SoakReport): string[] {
  return samples.end.flatMap((end, index) => {
    const begin = samples.begin[index];
    if (begin === undefined) return [`${kind}: process ${index + 1} was not measured`];
    return (Object.keys(bounds) as (keyof Sample)[])
      .filter((what) => !(end[what] - begin[what] <= bounds[what]))
      .map((what) => `${kind}: ${what} of process ${index + 1} has grown from ${begin[what]} to ${end[what]}`);
  });
}

export function soakTable(reports: readonly SoakReport[], seed: number): string {
  const faultTypes = [...new Set(reports.flatMap(({ faults }) => [...faults.keys()]))].toSorted();
  const rows: [string, (report: SoakReport) => string | number][] = [
    ["runs", ({ runs }) => runs],
    ["attempts", ({ attempts }) => attempts],
    ["failures", ({ failures }) => failures.length],
    ...blows.map((blow): [string, (report: SoakReport) => number] => [`a process ${blow}`, (one) => one.blows[blow]]),
    ["starts of a process", ({ lives }) => lives],
    ["changes of the leader", ({ leaderChanges }) => leaderChanges],
    ...faultTypes.map((type): [string, (report: SoakReport) => number] => [
      `requests ${type}`,
      ({ faults }) => faults.get(type) ?? 0,
    ]),
    ["resident MiB, in the calm", (report) => span(report, "residentMiB")],
    ["heap MiB", (report) => span(report, "heapMiB")],
    ["descriptors", (report) => span(report, "descriptors")],
    ["active resources", (report) => span(report, "activeResources")],
    ["seconds", ({ seconds }) => seconds],
  ];
  const lines = rows.map(([name, value]) => line([name, ...reports.map((report) => String(value(report)))]));
  return [
    line([`SEED=${seed}`, ...reports.map(({ kind }) => kind)]),
    line(["---", ...reports.map(() => "---")]),
    ...lines,
  ].join("\n");
}

/** Of each process, from the begin to the end of the calm. */
function span({ samples }: SoakReport, what: keyof Sample): string {
  return samples.end.map((end, index) => `${round(samples.begin[index]?.[what])} to ${round(end[what])}`).join(", ");
}

function round(value: number | undefined): string {
  return value === undefined ? "?" : String(Math.round(value));
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
