import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { setStage } from "./cluster/stage.ts";
import { commandOf, readConfig } from "./config.ts";
import type { Measurement } from "./measure/measurement.ts";
import { partNames, runPart } from "./parts.ts";
import { writePage } from "./report/page.ts";
import { renderReport } from "./report/report.ts";

const repository = fileURLToPath(new URL("../../", import.meta.url));
const directory = `${repository}.local/bench`;

const config = readConfig(process.env);
const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());
const log = (line: string): void => void process.stderr.write(`${line}\n`);

const measurements: Measurement[] = [];
for (const part of config.part === undefined ? partNames : [config.part]) {
  // Each part has an API server of its own, so that none finds what another has left in etcd.
  await using stage = await setStage({ directory: `${directory}/stage`, env: process.env, signal: stop.signal, log });
  await runPart(stage, part, config, (measurement) => {
    measurements.push(measurement);
    log(JSON.stringify(measurement));
  });
}
await mkdir(directory, { recursive: true });
await writeFile(`${directory}/measurements.json`, JSON.stringify(measurements));
const report = renderReport(measurements);
process.stdout.write(`${report}\n`);
if (config.part === undefined)
  await writePage(`${repository}docs`, { report, measurements, command: commandOf(config) });
