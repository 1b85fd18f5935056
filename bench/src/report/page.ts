import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { docsOperator, goOperator } from "../contender/contender.ts";
import type { Measurement } from "../measure/measurement.ts";
import { median } from "../measure/statistics.ts";
import { lineChart } from "./line-chart.ts";

const begin = "<!-- generated: begin -->";
const end = "<!-- generated: end -->";

interface PageOptions {
  report: string;
  measurements: readonly Measurement[];
  command: string;
}

/** Puts the report between the markers of `performance.md`, and the plots beside it. */
export async function writePage(docs: string, { report, measurements, command }: PageOptions): Promise<void> {
  const path = join(docs, "performance.md");
  const [before, rest] = (await readFile(path, "utf8")).split(begin);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`${path} lacks ${begin} or ${end}`);
  await writeFile(
    join(docs, "performance-cpu.svg"),
    growth(measurements, cpuPerRun, "CPU per run, ms, by runs that have ended"),
  );
  await writeFile(
    join(docs, "performance-memory.svg"),
    growth(measurements, idle, "Memory idle, MiB, by runs that have ended"),
  );
  const plots = "![CPU per run](performance-cpu.svg) ![Memory](performance-memory.svg)";
  const generated = `From \`${command}\`.\n\n${plots}\n\n${report}`;
  await writeFile(path, `${before}${begin}\n\n${generated}\n\n${end}${after}`);
}

type Value = (values: Record<string, number>) => number;

/** Of operator, API server and etcd: a second for 1,000 runs is a millisecond for each. */
const cpuPerRun: Value = ({ contenderCpu = 0, apiServerCpu = 0, etcdCpu = 0 }) => contenderCpu + apiServerCpu + etcdCpu;
const idle: Value = ({ idleMemory = 0 }) => idleMemory;

function growth(measurements: readonly Measurement[], value: Value, title: string): string {
  const restarts = measurements.filter(({ part }) => part === "restart");
  const sizes = [...new Set(restarts.map(({ n }) => n))];
  const series = [docsOperator, goOperator].map(({ name }) => ({
    name,
    values: sizes.map((size) =>
      median(
        restarts.filter(({ n, contender }) => n === size && contender === name).map(({ values }) => value(values)),
      ),
    ),
  }));
  return lineChart({ title, labels: sizes.map((size) => size.toLocaleString("en")), series });
}
