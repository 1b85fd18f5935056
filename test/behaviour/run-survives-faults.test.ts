import type { KubernetesClient } from "@orchestrator/controller-runtime";
import type { RunStatus } from "@orchestrator/core";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startApiProxy } from "../support/api-proxy.ts";
import { adminClient } from "../support/cluster.ts";
import { judge } from "../support/fault-lab/judge.ts";
import { type Life, type LifeReport, runMatrix } from "../support/fault-lab/matrix.ts";
import type { RunRecord, Sighting } from "../support/fault-lab/sighting.ts";
import { allLives } from "../support/fault-lab/scenarios.ts";
import { troubles } from "../support/fault-lab/play.ts";
import { World } from "../support/fault-lab/world.ts";
import { deliveredBy } from "../support/run-reports.ts";
import { startScene } from "../support/run-scene.ts";
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
    return fc.shuffledSubarray(lives, { minLength: 3, maxLength: 3 });
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
  const reports = await runMatrix({ world, lives, choice: { type: "some", of: drawTroubles }, concurrency: 6 });
  const sum = (count: (report: LifeReport) => number): number => reports.reduce((all, one) => all + count(one), 0);
  expect(reports.flatMap(({ failures }) => failures)).toEqual([]);
  expect(reports).toHaveLength(6);
  expect(sum(({ tried }) => tried.crash + tried.past + tried.late + tried.skip)).toBe(6 * troubles.length);
}, 300_000);

test("a run is not given up for lost while its pods cannot be watched", async () => {
  const pods = { verb: "watch", resource: "pods" } as const;
  // The watch that tells that there is no pod yet breaks with the first one, and none can be opened after it.
  const broken = { ...pods, nth: 1, effect: { type: "cut", afterLines: 1 } } as const;
  const refused = Array.from({ length: 50 }, (_, index) => {
    return { ...pods, nth: index + 2, effect: { type: "refuse", status: 500 } } as const;
  });
  const plan = [broken, ...refused];
  await using scene = await startScene("unwatched");
  await using proxy = await startApiProxy(client, { identity: undefined, plan });
  await using _ = await scene.start({}, proxy.url);
  await scene.kubelet.endPod(scene.key.name, { gateway: deliveredBy(1) });
  await scene.toBe("Succeeded", "Delivered");
  expect(await scene.jobs()).toHaveLength(1);
});

const job = (name: string, uid: string): Sighting => {
  const view = {
    namespace: "a",
    name,
    uid,
    runName: "run",
    runUid: "run-uid",
    round: 1,
    createdAt: 0,
    deleting: false,
  };
  return { kind: "job", job: view, gone: false };
};
const status = (changes: Partial<RunStatus>): Sighting => {
  const metadata = { namespace: "a", name: "run", uid: "run-uid" };
  const run = { apiVersion: "orchestrator.io/v1", kind: "DocsGenerationRun", metadata, spec: {} };
  return { kind: "run", run: { ...run, status: { phase: "Running", round: 1, ...changes } }, gone: false };
};
const attempt = (number: number, outcome: "Running" | "Failed") => ({ number, round: 1, jobName: "job", outcome });

test.each<[string, Sighting[]]>([
  ["one was made twice", [job("one", "uid-1"), job("one", "uid-2")]],
  ["open at once: one, two", [job("one", "uid-1"), job("two", "uid-2")]],
  ["an end is final: Succeeded -> Running", [status({ phase: "Succeeded" }), status({})]],
  ["rounds only rise: Running -> Running", [status({ round: 2 }), status({ round: 1 })]],
  [
    "attempts are only added",
    [status({ attempts: [attempt(2, "Running")] }), status({ attempts: [attempt(1, "Running")] })],
  ],
  [
    "an attempt that has ended stays so",
    [status({ attempts: [attempt(1, "Failed")] }), status({ attempts: [attempt(1, "Running")] })],
  ],
  ["retries keep to their limits", [status({ retries: { infrastructure: 4, agent: 0 } })]],
])("what is played is judged: %s", (what, sightings) => {
  const record: Pick<RunRecord, "sightings"> = {
    sightings: sightings.map((sighting, index) => ({ ...sighting, resourceVersion: index })),
  };
  expect(judge(record, { timeout: "1s", maxAgentRetries: 0 }).join()).toContain(what);
});
