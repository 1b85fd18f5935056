import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { RunInputs } from "@orchestrator/core/pure";
import type { Tap } from "@orchestrator/fault-kit";
import type { Forge } from "@orchestrator/local-cluster";
import { expect, test } from "vitest";
import {
  commit,
  git,
  modelKey,
  startTestForge,
  startTestGateway,
  type TestGateway,
  type TestGatewayOptions,
  withToken,
} from "../support/gateway.ts";
import { startTlsProxy } from "../support/tls-proxy.ts";
import { waitFor } from "../support/wait.ts";

const branch = "orchestrator/run-1";
const uid = "0b5f7c1e-0000-4000-8000-000000000001";
const keptRef = `refs/orchestrator/${uid}`;
const workRef = "refs/orchestrator/work";
const session = "11111111-1111-4111-8111-111111111111";
const resume = { session: true, required: true, previous: { reason: "NodeLost", message: "the node went away" } };
const spent = (turns: number, costUsd: string): RunInputs["spent"] => ({
  inputTokens: 10,
  outputTokens: 10,
  cacheReadTokens: 0,
  cacheCreationTokens: 0,
  turns,
  costUsd,
});

interface Stage extends AsyncDisposable {
  forge: Forge;
  url: string;
  run: TestGateway;
  clone: string;
  /** The gateway of another attempt, in a pod of its own. */
  next(options?: Partial<TestGatewayOptions>): Promise<TestGateway>;
}

/** @param tap given, stands between gateways and forge */
async function stage(options: Partial<TestGatewayOptions> = {}, tap?: Tap): Promise<Stage> {
  const stack = new AsyncDisposableStack();
  const forge = stack.use(await startTestForge());
  const { origin, pathname } = new URL(await forge.createRepository("shop", { "README.md": "# Shop\n" }));
  const proxy = tap && stack.use(await startTlsProxy({ target: origin, ...tap }));
  const url = `${proxy?.url ?? origin}${pathname}`;
  const start = async (changes: Partial<TestGatewayOptions>): Promise<TestGateway> => {
    const gateway = await startTestGateway({
      repository: { url, secretName: "forge", apiUrl: forge.apiUrl },
      repositorySecret: { token: forge.token, host: "127.0.0.1" },
      ...options,
      ...changes,
    });
    return stack.use(gateway);
  };
  const run = await start({});
  await run.ready();
  return {
    forge,
    url,
    run,
    clone: await run.clone(),
    next: async (changes = {}) =>
      await start({ ...changes, inputs: { attempt: 2, resume, ...options.inputs, ...changes.inputs } }),
    [Symbol.asyncDispose]: async () => await stack.disposeAsync(),
  };
}

interface Transcript {
  sessionId: string;
  path: string;
  gzipBase64: string;
}

const transcript = (content: string, sessionId = session): Transcript => ({
  sessionId,
  path: `projects/-workspace-repository/${sessionId}.jsonl`,
  gzipBase64: gzipSync(content).toString("base64"),
});

/** Hands in what is in the clone, as an agent's container does. */
async function handIn(
  run: TestGateway,
  clone: string,
  files: Record<string, string>,
  transcripts: Transcript[] = [],
): Promise<unknown> {
  await commit(clone, files);
  await git("-C", clone, "push", "--quiet", "--force", "origin", `HEAD:${workRef}`);
  const head = (await git("-C", clone, "rev-parse", "HEAD")).trim();
  return await run.ask("POST", "/v1/hand-in", { commit: head, transcripts });
}

const inForge = async ({ forge }: Stage, ...args: string[]): Promise<string> =>
  (await git("-C", forge.repositoryPath("shop"), ...args)).trim();

const upstream = async (stand: Stage, ref: string): Promise<string> =>
  await inForge(stand, "for-each-ref", "--format=%(objectname)", ref);

/** The forge's answer to a push begins before it has taken it. */
async function untilKept(stand: Stage): Promise<void> {
  await waitFor("the push to be taken", async () => {
    const kept = await upstream(stand, keptRef);
    return kept === "" ? { pending: "nothing is kept" } : { done: kept };
  });
}

/** A commit as the agent's container makes it when it delivers. */
const own = (round = 1): string =>
  `Open the shop\n\nIt is open now.\n\nOrchestrator-Run: ${uid}\nOrchestrator-Round: ${round}`;

test("nothing is written into the repository before there is something to keep", async () => {
  await using stand = await stage();
  expect(await stand.run.ask("GET", "/v1/resume")).toEqual({ state: "none" });
  await git("-C", stand.clone, "push", "--quiet", "origin", `HEAD:${workRef}`);
  const head = (await git("-C", stand.clone, "rev-parse", "HEAD")).trim();
  expect(await stand.run.ask("POST", "/v1/hand-in", { commit: head, transcripts: [] })).toEqual({
    stored: false,
    why: "there is nothing to keep yet",
  });
  expect(await upstream(stand, "refs/orchestrator/")).toBe("");
  expect(stand.run.report()).toMatchObject({ resumable: false });
});

test("work, sessions and account are kept under a ref of the run, and a next attempt gets them back", async () => {
  await using stand = await stage({ inputs: { spent: spent(2, "0.50") } });
  const told = transcript('{"type":"user"}\n');
  expect(await handIn(stand.run, stand.clone, { "a.txt": "a\n" }, [told])).toEqual({ stored: true });
  expect(await handIn(stand.run, stand.clone, { "b.txt": "b\n" }, [told])).toEqual({ stored: true });
  expect((await inForge(stand, "ls-tree", "-r", "--name-only", keptRef)).split("\n")).toEqual([
    "ledger.json",
    "transcripts/11111111-1111-4111-8111-111111111111.jsonl.gz",
    "transcripts/index.json",
  ]);
  expect(JSON.parse(await inForge(stand, "show", `${keptRef}:ledger.json`))).toEqual({
    version: 1,
    round: 1,
    attempt: 1,
    usage: spent(2, "0.50"),
  });
  expect(await inForge(stand, "show", `${keptRef}^:b.txt`)).toBe("b");
  expect(await upstream(stand, `refs/heads/${branch}`)).toBe("");
  expect(stand.run.report()).toMatchObject({ resumable: true });

  const next = await stand.next({ inputs: { spent: spent(1, "0.75") } });
  expect(await next.ready()).toMatchObject({ state: "ready" });
  const work = await inForge(stand, "rev-parse", `${keptRef}^`);
  expect(await next.ask("GET", "/v1/resume")).toEqual({ state: "found", commit: work, round: 1, transcripts: [told] });
  const clone = await next.clone();
  await git("-C", clone, "fetch", "--quiet", "origin", workRef);
  expect((await git("-C", clone, "rev-parse", "FETCH_HEAD")).trim()).toBe(work);
  // Of two accounts of the same round the greater counts, figure by figure.
  expect(next.report()).toMatchObject({ resumable: true, roundUsage: spent(2, "0.75"), usage: { turns: 0 } });
});

test("the account of an earlier round is not that of this one, and its work is gone on from", async () => {
  await using stand = await stage({ inputs: { spent: spent(5, "4.00") } });
  await handIn(stand.run, stand.clone, { "a.txt": "a\n" });
  const begun = { round: 2, spent: spent(0, "0.00"), resume: { session: true, required: false } };
  const next = await stand.next({ inputs: begun });
  await next.ready();
  expect(await next.ask("GET", "/v1/resume")).toMatchObject({ state: "found", round: 1 });
  expect(next.report().roundUsage).toMatchObject({ turns: 0, costUsd: "0.00" });
});

test("when all is delivered the session alone stays, on top of the branch, for a next round to continue", async () => {
  await using stand = await stage();
  const told = transcript('{"type":"user"}\n');
  await handIn(stand.run, stand.clone, { "a.txt": "a\n" }, [told]);
  await git("-C", stand.clone, "reset", "--quiet", "--hard", "HEAD~1");
  await stand.run.push(stand.clone, { "b.txt": "b\n" }, undefined, own());
  expect((await stand.run.deliver()).delivery).toMatchObject({ outcome: "Delivered" });
  const delivered = await upstream(stand, `refs/heads/${branch}`);
  expect(await inForge(stand, "rev-parse", `${keptRef}^`)).toBe(delivered);
  expect(stand.run.report()).toMatchObject({ resumable: true });

  const next = await stand.next({ inputs: { round: 2, resume: { session: true, required: false } } });
  await next.ready();
  expect(await next.ask("GET", "/v1/resume")).toEqual({
    state: "found",
    commit: delivered,
    round: 1,
    transcripts: [told],
  });
  // It is not the work of the round that begins.
  expect(next.report()).toMatchObject({ resumable: false });
});

test("an agent of a second round whose work is lost does not begin again from what the first had kept", async () => {
  await using stand = await stage();
  await handIn(stand.run, stand.clone, { "a.txt": "a\n" }, [transcript("{}\n")]);
  const next = await stand.next({ inputs: { round: 2, attempt: 3 } });
  expect(await next.ready()).toMatchObject({ state: "failed", verdict: { reason: "NodeLost", final: true } });
});

test("a forge that takes no such refs is told of in the log, and there is no way to go on", async () => {
  await using stand = await stage();
  stand.forge.faults = { refuseRefs: "refs/orchestrator/" };
  const answer = await handIn(stand.run, stand.clone, { "a.txt": "a\n" });
  expect(answer).toMatchObject({
    stored: false,
    why: expect.stringContaining("deny updating a hidden ref") as unknown,
  });
  expect(stand.run.log.join("")).toContain("Work that was handed in cannot be kept");
  expect(stand.run.report()).toMatchObject({
    resumable: false,
    notKept: expect.stringContaining("deny updating a hidden ref") as unknown,
  });

  const next = await stand.next();
  expect(await next.ready()).toEqual({
    state: "failed",
    verdict: {
      reason: "NodeLost",
      message:
        "the node went away; the work of that attempt was not kept in the repository, so that nothing can go on from it",
      final: true,
    },
  });
  expect(next.report()).toMatchObject({ verdict: { reason: "NodeLost", final: true }, resumable: false });
});

test("where the operator's setting says so nothing is kept, and what was kept before is not gone on from", async () => {
  await using stand = await stage();
  await handIn(stand.run, stand.clone, { "a.txt": "a\n" });
  const kept = await upstream(stand, keptRef);
  const next = await stand.next({ inputs: { keepWork: false, resume: { session: true, required: false } } });
  await next.ready();
  expect(await next.ask("GET", "/v1/resume")).toEqual({ state: "none" });
  const why = "the operator's setting KEEP_WORK is false";
  expect(await handIn(next, await next.clone(), { "b.txt": "b\n" })).toEqual({ stored: false, why });
  expect(next.report()).toMatchObject({ notKept: why });
  expect(await upstream(stand, keptRef)).toBe(kept);
});

test("an attempt that need not go on from anything begins anew where nothing is kept", async () => {
  await using stand = await stage();
  const next = await stand.next({ inputs: { resume: { session: true, required: false } } });
  expect(await next.ready()).toMatchObject({ state: "ready" });
  expect(await next.ask("GET", "/v1/resume")).toEqual({ state: "none" });
});

test("work with a secret is not kept, and what was kept before stays", async () => {
  await using stand = await stage();
  await handIn(stand.run, stand.clone, { "a.txt": "a\n" });
  const kept = await upstream(stand, keptRef);
  const answer = await handIn(stand.run, stand.clone, { "key.txt": `${modelKey}\n` });
  expect(answer).toMatchObject({ stored: false, why: expect.stringContaining("key.txt, line 1") as unknown });
  expect(JSON.stringify(answer)).not.toContain(modelKey);
  expect(await upstream(stand, keptRef)).toBe(kept);
});

test("a transcript with a secret is left out, the others and the work are kept", async () => {
  await using stand = await stage();
  const other = "22222222-2222-4222-8222-222222222222";
  const transcripts = [transcript(`{"key":"${modelKey}"}\n`), transcript("{}\n", other)];
  const answer = await handIn(stand.run, stand.clone, { "a.txt": "a\n" }, transcripts);
  expect(answer).toEqual({ stored: true, why: `the transcript of session ${session} holds a credential of this run` });
  const next = await stand.next();
  await next.ready();
  expect(await next.ask("GET", "/v1/resume")).toMatchObject({ state: "found", transcripts: [{ sessionId: other }] });
});

test("only what was pushed is kept, and only transcripts where the agent has them", async () => {
  await using stand = await stage();
  const unpushed = { commit: "0".repeat(40), transcripts: [] };
  expect(await stand.run.ask("POST", "/v1/hand-in", unpushed)).toMatchObject({ stored: false });
  const elsewhere = { ...transcript("{}"), path: "../../settings.json" };
  expect(await handIn(stand.run, stand.clone, { "a.txt": "a\n" }, [elsewhere])).toHaveProperty("error");
  await expect(stand.run.push(stand.clone, { "b.txt": "b\n" }, "refs/orchestrator/other")).rejects.toThrow("deny");
  expect(await upstream(stand, "refs/orchestrator/")).toBe("");
});

test("work that broke off between push and pull request is completed by the next attempt, without an agent", async () => {
  await using stand = await stage();
  await handIn(stand.run, stand.clone, { "a.txt": "a\n" });
  await git("-C", stand.clone, "reset", "--quiet", "--hard", "HEAD~1");
  stand.forge.faults = { pullRequestStatus: 500 };
  await stand.run.push(stand.clone, { "a.txt": "a\n" }, undefined, own());
  expect((await stand.run.deliver()).verdict).toMatchObject({ reason: "ForgeUnavailable" });
  expect(stand.run.report()).toMatchObject({ resumable: true });
  const pushed = await upstream(stand, `refs/heads/${branch}`);
  stand.forge.faults = {};

  const next = await stand.next();
  expect(await next.ready()).toMatchObject({ state: "ready", delivered: true });
  expect(next.report()).toMatchObject({
    delivery: { outcome: "Delivered", result: { commit: pushed, pullRequest: { number: 1 } } },
  });
  expect(next.report()).not.toHaveProperty("verdict");
  expect(stand.forge.pullRequests("shop")).toMatchObject([{ title: "Open the shop", body: "It is open now.\n" }]);
  expect(await upstream(stand, `refs/heads/${branch}`)).toBe(pushed);
  expect(await inForge(stand, "rev-parse", `${keptRef}^`)).toBe(pushed);
  // Asked for again by the agent's container, it is the same.
  expect((await next.deliver({ title: "Other", body: "words" })).delivery).toEqual(next.report().delivery);
  expect(stand.forge.pullRequests("shop")).toMatchObject([{ title: "Open the shop" }]);
});

test("a complete delivery whose report was lost is found again, with one branch and one pull request", async () => {
  await using stand = await stage();
  await stand.run.push(stand.clone, { "a.txt": "a\n" }, undefined, own());
  const { delivery } = await stand.run.deliver();
  const next = await stand.next();
  expect(await next.ready()).toMatchObject({ delivered: true });
  expect(next.report().delivery).toEqual(delivery);
  expect(stand.forge.pullRequests("shop")).toHaveLength(1);
});

test("the delivery of an earlier round does not count for this one", async () => {
  await using stand = await stage();
  await stand.run.push(stand.clone, { "a.txt": "a\n" }, undefined, own(1));
  await stand.run.deliver();
  const next = await stand.next({ inputs: { round: 2, resume: { session: true, required: false } } });
  expect(await next.ready()).not.toHaveProperty("delivered");
  expect((await next.deliver()).delivery).toMatchObject({ outcome: "NothingDelivered" });
  const clone = await next.clone();
  await git("-C", clone, "fetch", "--quiet", "origin", branch);
  await git("-C", clone, "reset", "--quiet", "--hard", "FETCH_HEAD");
  await next.push(clone, { "b.txt": "b\n" }, undefined, own(2));
  expect((await next.deliver({ title: "Round 2", body: "More." })).delivery).toMatchObject({
    outcome: "Delivered",
    result: { filesChanged: 2, pullRequest: { number: 1 } },
  });
  expect(stand.forge.pullRequests("shop")).toMatchObject([{ title: "Round 2", body: "More." }]);
});

test("a branch that a person has moved is not overwritten, and the message says where the work is kept", async () => {
  await using stand = await stage();
  await handIn(stand.run, stand.clone, { "a.txt": "a\n" });
  const person = join(stand.run.root, "person");
  await git("clone", "--quiet", withToken(stand.url, stand.forge), person);
  await git("-C", person, "switch", "--quiet", "--create", branch);
  await commit(person, { "by-hand.txt": "mine\n" });
  await git("-C", person, "push", "--quiet", "origin", branch);
  const theirs = await upstream(stand, `refs/heads/${branch}`);
  await stand.run.push(stand.clone, { "b.txt": "b\n" });
  const { verdict } = await stand.run.deliver();
  expect(verdict).toMatchObject({ reason: "PushRejected", message: expect.stringContaining(keptRef) as unknown });

  const next = await stand.next();
  expect(await next.ready()).toMatchObject({
    state: "failed",
    verdict: { reason: "PushRejected", message: expect.stringContaining(keptRef) as unknown },
  });
  expect(await upstream(stand, `refs/heads/${branch}`)).toBe(theirs);
  expect(await inForge(stand, "show", `${keptRef}^:a.txt`)).toBe("a");
});

test("what another attempt has kept meanwhile is not overwritten", async () => {
  await using stand = await stage();
  await handIn(stand.run, stand.clone, { "a.txt": "a\n" });
  const next = await stand.next();
  await next.ready();
  const clone = await next.clone();
  expect(await handIn(next, clone, { "b.txt": "b\n" })).toEqual({ stored: true });
  const kept = await upstream(stand, keptRef);
  expect(await handIn(stand.run, stand.clone, { "c.txt": "c\n" })).toMatchObject({ stored: false });
  expect(await upstream(stand, keptRef)).toBe(kept);
});

test("work whose push was taken and the answer lost is kept, and so is what comes after it", async () => {
  let lost = 0;
  await using stand: Stage = await stage(
    {},
    {
      async onAnswer({ method, path }) {
        if (method !== "POST" || !path.endsWith("/git-receive-pack") || lost > 0) return;
        lost += 1;
        await untilKept(stand);
        throw new Error("The answer is lost");
      },
    },
  );
  expect(await handIn(stand.run, stand.clone, { "a.txt": "a\n" })).toEqual({ stored: true });
  expect(lost).toBe(1);
  expect(await inForge(stand, "show", `${keptRef}^:a.txt`)).toBe("a");
  expect(stand.run.report()).toMatchObject({ resumable: true });
  expect(await handIn(stand.run, stand.clone, { "b.txt": "b\n" })).toEqual({ stored: true });
  expect(await inForge(stand, "show", `${keptRef}^:b.txt`)).toBe("b");
});

test("work goes on being kept where the forge was gone right after it had taken a push", async () => {
  let [isGone, isBack] = [false, false];
  await using stand: Stage = await stage(
    {},
    {
      async onAnswer({ method, path }) {
        isGone ||= method === "POST" && path.endsWith("/git-receive-pack");
        if (!isGone || isBack) return;
        await untilKept(stand);
        throw new Error("The answer is lost");
      },
    },
  );
  expect(await handIn(stand.run, stand.clone, { "a.txt": "a\n" })).toMatchObject({ stored: false });
  expect(await inForge(stand, "show", `${keptRef}^:a.txt`)).toBe("a");
  isBack = true;
  expect(await handIn(stand.run, stand.clone, { "b.txt": "b\n" })).toEqual({ stored: true });
  expect(await inForge(stand, "show", `${keptRef}^:b.txt`)).toBe("b");
  expect(stand.run.report()).toMatchObject({ resumable: true });
});

test("a gateway that ended before it had noted its push keeps what comes after it", async () => {
  await using stand = await stage();
  await handIn(stand.run, stand.clone, { "a.txt": "a\n" });
  await stand.run.stop();
  const mirror = join(stand.run.root, "state", "repository.git");
  await git("-C", mirror, "update-ref", "-d", "refs/orchestrator/kept");
  const again = await startTestGateway({
    repository: stand.run.inputs.repository,
    repositorySecret: { token: stand.forge.token, host: "127.0.0.1" },
    root: stand.run.root,
  });
  await again.ready();
  expect(await handIn(again, stand.clone, { "b.txt": "b\n" })).toEqual({ stored: true });
  expect(await inForge(stand, "show", `${keptRef}^:b.txt`)).toBe("b");
  await again.stop();
});

test("a gateway that was started again still knows what is kept and what the round had used", async () => {
  await using stand = await stage({ inputs: { spent: spent(2, "0.50") } });
  await handIn(stand.run, stand.clone, { "a.txt": "a\n" });
  await stand.run.stop();
  const again = await startTestGateway({
    repository: stand.run.inputs.repository,
    repositorySecret: { token: stand.forge.token, host: "127.0.0.1" },
    root: stand.run.root,
    inputs: { spent: spent(2, "0.50") },
  });
  expect(await again.ready()).toMatchObject({ state: "ready" });
  expect(again.report()).toMatchObject({ resumable: true, roundUsage: spent(2, "0.50") });
  await again.stop();
});
