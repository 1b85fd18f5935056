import type { KubernetesClient } from "@orchestrator/controller-runtime";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { adminClient } from "../support/cluster.ts";
import { type Life, type LifeReport, runMatrix } from "../support/fault-lab/matrix.ts";
import { allLives } from "../support/fault-lab/scenarios.ts";
import { troubles } from "../support/fault-lab/trial.ts";
import { World } from "../support/fault-lab/world.ts";
import { testSeed } from "../support/seed.ts";

const seed = testSeed();
let client: KubernetesClient;
let world: World;

beforeAll(async () => {
  client = await adminClient();
  world = new World(client).start();
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await client.close();
});

/** What a seed stands for: lives of both kinds, none that mostly waits. */
function drawLives(): Life[] {
  const ofKind = (kind: Life["kind"]) => {
    const lives = allLives().filter((life) => life.kind === kind && life.scenario.slow !== true);
    return fc.shuffledSubarray(lives, { minLength: 4, maxLength: 4 });
  };
  const [drawn] = fc.sample(fc.tuple(ofKind("docs"), ofKind("implementation")), { seed, numRuns: 1 });
  return drawn?.flat() ?? [];
}

/** Each trouble once, at one of the writes that the life takes. */
function drawTroubles(writes: number) {
  const k = fc.integer({ min: 1, max: writes });
  const [drawn = []] = fc.sample(fc.tuple(k, k, k, k), { seed: seed + writes, numRuns: 1 });
  return troubles.map((trouble, index) => ({ trouble, k: drawn[index] ?? 1 }));
}

test(`a run ends as if nothing had happened, whatever befalls its operator and its view of the cluster (SEED=${seed})`, async () => {
  const lives = drawLives();
  const reports = await runMatrix({ world, lives, choice: { type: "some", of: drawTroubles }, concurrency: 4 });
  const sum = (count: (report: LifeReport) => number): number => reports.reduce((all, one) => all + count(one), 0);
  expect(reports.flatMap(({ failures }) => failures)).toEqual([]);
  expect(reports).toHaveLength(8);
  expect(sum(({ tried }) => tried.crash + tried.past + tried.late + tried.skip)).toBe(8 * troubles.length);
}, 300_000);
