import { afterAll, beforeAll, expect, test } from "vitest";
import type { KubernetesClient } from "@orchestrator/controller-runtime";
import { adminClient } from "../support/cluster.ts";
import { soak, type SoakReport } from "../support/fault-lab/soak.ts";
import { growth, soakTable } from "../support/fault-lab/soak-table.ts";
import { World } from "../support/fault-lab/world.ts";
import { testSeed } from "../support/seed.ts";
import { say, writeReport } from "../support/soak-report.ts";

const seed = testSeed();
const runs = Number(process.env["SOAK_RUNS"] ?? 10_000);

let client: KubernetesClient;
let world: World;

beforeAll(async () => {
  client = await adminClient();
  world = new World(client, { patienceMs: 240_000 }).start();
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await client.close();
});

test(`${runs} runs end as they should, whatever befalls (SEED=${seed} SOAK_RUNS=${runs})`, async () => {
  const shared = { world, runs: Math.ceil(runs / 2), atOnce: 40, calmFrom: 0.5, onProgress: say };
  const reports: SoakReport[] = await Promise.all([
    soak({ ...shared, kind: "docs", seed }),
    soak({ ...shared, kind: "implementation", seed: seed + 1 }),
  ]);
  await writeReport("many-runs.md", soakTable(reports, seed));
  expect(reports.flatMap(({ failures }) => failures)).toEqual([]);
  expect(reports.flatMap(growth)).toEqual([]);
});
