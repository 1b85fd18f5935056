import { expect, test } from "vitest";
import { adminClient } from "../support/cluster.ts";
import { type LifeReport, runMatrix } from "../support/fault-lab/matrix.ts";
import { allLives } from "../support/fault-lab/scenarios.ts";
import { matrixTable } from "../support/fault-lab/table.ts";
import { World } from "../support/fault-lab/world.ts";
import { say, writeReport } from "../support/soak-report.ts";

const only = process.env["LIFE"];

function tell({ kind, scenario, writes, tried, failures }: LifeReport): void {
  const cases = Object.values(tried).reduce((sum, count) => sum + count, 0);
  say(`${kind}/${scenario.name}: ${writes} writes, ${cases} cases, ${failures.length} failures`);
  for (const failure of failures) say(`FAILED ${failure}`);
}

test("every life ends as undisturbed, with trouble at each of its operator's writes", async () => {
  const client = await adminClient();
  await using world = new World(client).start();
  const lives = allLives().filter(({ kind, scenario }) => only === undefined || only === `${kind}/${scenario.name}`);
  const reports = await runMatrix({ world, lives, choice: { type: "all" }, concurrency: 8, onReport: tell });
  await writeReport("every-write.md", matrixTable(reports));
  expect(reports.flatMap(({ failures }) => failures)).toEqual([]);
  expect(reports).not.toHaveLength(0);
  await client.close();
});
