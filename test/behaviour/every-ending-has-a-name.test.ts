import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type RunObject, type RunStatus, reasons } from "@orchestrator/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { catalogue } from "../endings/catalogue.ts";
import { endingsPage } from "../endings/endings-page.ts";
import { attemptsOf, type Executed, execute, finalPhase, finalReason, toldOf } from "../endings/execute.ts";
import { counted, scrape, summed } from "../endings/metrics.ts";
import { readingPage } from "../endings/reading-page.ts";
import { soon } from "../endings/scene.ts";
import { startStage, type Stage } from "../endings/stage.ts";
import { docsRuns, implementationRuns } from "../support/runs.ts";

const docs = fileURLToPath(new URL("../../docs/", import.meta.url));
const executed = new Map<string, Executed>();

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage[Symbol.asyncDispose]());

test("every reason is caused for real", () => {
  expect(new Set(catalogue.map(({ reason }) => reason))).toEqual(new Set(Object.keys(reasons)));
});

describe.concurrent("a run ends by name", () => {
  test.each(catalogue)(
    "$name: $reason",
    async (ending) => {
      const result = await execute(stage, ending);
      executed.set(ending.name, result);
      const { status } = result;
      expect(status).toMatchObject({ phase: finalPhase(ending) });
      expect((status.attempts ?? []).map(({ reason }) => reason)).toEqual(attemptsOf(ending));
      for (const part of ending.tells) expect(toldOf(result)).toMatch(part);
      checkConditions(result);
      checkEvents(result);
      checkAttempts(result);
      checkPullRequests(result);
      const told = JSON.stringify([status, result.events]);
      for (const secret of [stage.forge.token, "rehearsal-key-of-the-workbench"]) expect(told).not.toContain(secret);
    },
    240_000,
  );
});

function checkConditions({ ending, status }: Executed): void {
  const reason = finalReason(ending);
  const success = reasons[reason] === "success" ? "True" : "False";
  // What never was in doubt before has not changed since.
  const { completionTime: lastTransitionTime, message, conditions = [] } = status;
  const resumable = conditions.filter(({ type }) => type === "Resumable");
  const kept = resumable.map((condition) => `${condition.status} ${condition.reason}`);
  // Nothing is said of work where there was none to be kept.
  expect(["", "True WorkKept", "False WorkNotKept", "False NothingKept"]).toContain(kept.join());
  expect(conditions.filter(({ type }) => type !== "Resumable")).toEqual([
    expect.objectContaining({ type: "Accepted", status: attemptsOf(ending).length === 0 ? "False" : "True" }),
    expect.objectContaining({ type: "Succeeded", status: success, reason, message, lastTransitionTime }),
    expect.objectContaining({ type: "Delivered", status: success, reason, lastTransitionTime }),
  ]);
}

/** Each change of the run was told once, and nothing else. */
function checkEvents({ ending, status, events }: Executed): void {
  const told = counted(events.map(({ type, reason }) => `${type} ${reason}`));
  const attempts = status.attempts?.length ?? 0;
  const phase = finalPhase(ending);
  const end = `${phase === "Failed" ? "Warning" : "Normal"} ${phase}`;
  const suspended = counted(events.map(({ reason }) => reason)).get("Suspended") ?? 0;
  const fixed = new Map([[end, 1], ...(attempts > 1 ? [["Warning Retrying", attempts - 1] as const] : [])]);
  const rest = [...told].filter(([what]) => !fixed.has(what));
  expect(told).toEqual(new Map([...told, ...fixed]));
  // An agent may have ended before it was seen at work; each that was seen is told once.
  expect(rest.every(([what, count]) => (what === "Normal Started" ? count <= attempts : count <= suspended))).toBe(
    true,
  );
  expect(new Set(events.map(({ note }) => note)).size).toBe(events.length);
  expect(events.find(({ reason }) => reason === phase)?.note).toContain(status.message?.slice(0, 500));
}

/** What the attempts used adds up, and what each was made with is told. */
function checkAttempts({ ending, status }: Executed): void {
  const { attempts = [], usage, provenance } = status;
  expect(attempts.map(({ number }) => number)).toEqual(attempts.map((_, index) => index + 1));
  const cost = attempts.reduce((sum, { costUsd = "0" }) => sum + Number(costUsd), 0);
  expect(cost).toBeCloseTo(Number(usage?.costUsd ?? 0), 6);
  const begun = attempts.some(({ startedAt }) => startedAt !== undefined);
  expect(begun ? 0 : (usage?.turns ?? 0)).toBe(0);
  // Hashes stand on the Job, and go with it.
  const hash = expect.stringMatching(/^sha256:/) as unknown;
  const made = { image: expect.any(String) as unknown, settingsHash: hash, promptHash: hash };
  const isTold = attempts.length > 0 && ending.reason !== "JobDeleted";
  expect(provenance ?? {}).toMatchObject(isTold ? made : {});
}

/** Nobody sees a pull request that the status does not tell of. */
function checkPullRequests({ ending, status }: Executed): void {
  const { pullRequest } = status.result ?? {};
  const numbers = stage.forge.pullRequests(ending.name).map(({ number }) => number);
  // What is up to date was delivered by a run before.
  expect(numbers).toEqual(pullRequest !== undefined || ending.reason === "UpToDate" ? [1] : []);
  expect(pullRequest?.number ?? 1).toBe(1);
}

test("the operators' metrics count every round and attempt, with its reason, duration, cost and tokens", async () => {
  const { client, namespace, operators } = stage;
  const list = async (type: typeof docsRuns): Promise<RunObject[]> =>
    (await client.list(type, { namespace, signal: soon() })).items;
  const runs = [...(await list(docsRuns)), ...(await list(implementationRuns))];
  const samples = await scrape(operators);
  const ended = runs.map(({ kind, status = { phase: "Pending" as const } }) => ({ kind, status }));
  const ofPhase = ({ kind, status }: Ended): string => `kind="${kind}",phase="${status.phase}"`;
  const started = ended.filter(({ status }) => status.startTime !== undefined);
  const priced = ended.filter(({ status }) => status.usage?.costUsd !== undefined);
  expect(samples("orchestrator_runs_total")).toEqual(
    counted(ended.map((one) => `${ofPhase(one)},reason="${reasonOf(one)}"`)),
  );
  expect(samples("orchestrator_attempts_total")).toEqual(
    counted(
      ended.flatMap(({ kind, status }) =>
        (status.attempts ?? []).map(({ reason }) => `kind="${kind}",reason="${reason}"`),
      ),
    ),
  );
  expect(samples("orchestrator_run_duration_seconds_count")).toEqual(counted(started.map(ofPhase)));
  expect(samples("orchestrator_run_cost_usd_count")).toEqual(counted(priced.map(ofPhase)));
  expect(rounded(samples("orchestrator_run_cost_usd_sum"))).toEqual(
    rounded(summed(priced.map((one) => [ofPhase(one), Number(one.status.usage?.costUsd)]))),
  );
  expect(samples("orchestrator_tokens_total")).toEqual(
    summed(ended.flatMap(({ kind, status: { usage } }) => (usage === undefined ? [] : tokensOf(kind, usage)))),
  );
});

interface Ended {
  kind: string;
  status: RunStatus;
}

function reasonOf({ status }: Ended): string | undefined {
  return status.conditions?.find(({ type }) => type === "Succeeded")?.reason;
}

function tokensOf(kind: string, usage: NonNullable<RunStatus["usage"]>): [string, number][] {
  const label = (type: string): string => `kind="${kind}",type="${type}"`;
  return [
    [label("input"), usage.inputTokens],
    [label("output"), usage.outputTokens],
    [label("cache_read"), usage.cacheReadTokens],
    [label("cache_creation"), usage.cacheCreationTokens],
  ];
}

function rounded(samples: ReadonlyMap<string, number>): Map<string, string> {
  return new Map([...samples].map(([labels, value]) => [labels, value.toFixed(6)]));
}

test("docs/endings.md tells what was executed (`make endings` writes it)", async () => {
  const inOrder = catalogue.flatMap(({ name }) => executed.get(name) ?? []);
  expect(inOrder).toHaveLength(catalogue.length);
  await expect(endingsPage(inOrder)).toMatchFileSnapshot(`${docs}endings.md`);
});

test("docs/reading-a-run.md shows what kubectl has said (`make endings` writes it)", async () => {
  const path = `${docs}reading-a-run.md`;
  const seen = new Map([...executed].flatMap(([name, { seen: text }]) => (text === undefined ? [] : [[name, text]])));
  await expect(readingPage(await readFile(path, "utf8"), seen)).toMatchFileSnapshot(path);
});
