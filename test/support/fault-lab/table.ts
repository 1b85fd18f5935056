import { reasons, type Reason } from "@orchestrator/core";
import type { LifeReport } from "./matrix.ts";
import { troubles } from "./play.ts";

/** What was tried and what failed, a line for each class of reasons and each way to steer a run, as a table in Markdown. */
export function matrixTable(reports: readonly LifeReport[]): string {
  const groups = Map.groupBy(reports, ({ scenario }) => groupOf(scenario.name));
  const lines = [...groups].map(([group, members]) => line(group, members));
  const head = ["lives", "of both kinds", "writes", ...troubles, "failures"];
  return [row(head), row(head.map(() => "---")), ...lines, line("all", reports)].join("\n");
}

function line(group: string, reports: readonly LifeReport[]): string {
  const sum = (count: (report: LifeReport) => number): string =>
    String(reports.reduce((all, report) => all + count(report), 0));
  return row([
    group,
    String(reports.length),
    sum(({ writes }) => writes),
    ...troubles.map((trouble) => sum(({ tried }) => tried[trouble])),
    sum(({ failures }) => failures.length),
  ]);
}

function groupOf(name: string): string {
  return Object.hasOwn(reasons, name) ? `${reasons[name as Reason]} reasons` : "steered by people";
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
