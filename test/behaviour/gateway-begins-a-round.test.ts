import { mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Agent, request } from "undici";
import { expect, inject, test } from "vitest";
import { commit, git, startTestForge, startTestGateway, type TestGateway, withToken } from "../support/gateway.ts";
import type { Forge } from "@orchestrator/local-cluster";

const branch = "orchestrator/run-1";
const uid = "0b5f7c1e-0000-4000-8000-000000000001";
const sessionId = "11111111-1111-4111-8111-111111111111";
const transcript = {
  sessionId,
  path: `projects/-workspace-repository/${sessionId}.jsonl`,
  gzipBase64: gzipSync("{}\n").toString("base64"),
};

interface Stage extends AsyncDisposable {
  forge: Forge;
  run: TestGateway;
  /** A person's clone of the repository, with the branch of the run. */
  person: string;
  inForge: (...args: string[]) => Promise<string>;
  /** What the second round's agent does: it goes on from where it is told to, and adds a file. */
  secondRound(): Promise<{ delivery?: unknown; verdict?: unknown }>;
}

/** A run whose first round has delivered `a.txt` as pull request 1, and keeps its session. */
async function stage(): Promise<Stage> {
  const stack = new AsyncDisposableStack();
  const forge = stack.use(await startTestForge());
  const url = await forge.createRepository("shop", { "README.md": "# Shop\n" });
  const start = async (inputs: object): Promise<TestGateway> => {
    const gateway = stack.use(
      await startTestGateway({
        repository: { url, secretName: "forge", apiUrl: forge.apiUrl },
        repositorySecret: { token: forge.token, host: "127.0.0.1" },
        inputs,
      }),
    );
    await gateway.ready();
    return gateway;
  };
  const run = await start({});
  const clone = await run.clone();
  await commit(clone, { "a.txt": "a\n" }, own(1));
  for (const ref of ["refs/orchestrator/work", branch]) await git("-C", clone, "push", "-q", "origin", `HEAD:${ref}`);
  const head = (await git("-C", clone, "rev-parse", "HEAD")).trim();
  await run.ask("POST", "/v1/hand-in", { commit: head, transcripts: [transcript] });
  expect(await run.deliver()).toMatchObject({ delivery: { result: { pullRequest: { number: 1 } } } });
  const person = await mkdtemp(join(run.root, "person-"));
  await git("clone", "--quiet", withToken(url, forge), person);
  await git("-C", person, "fetch", "--quiet", "origin", branch);
  return {
    forge,
    run,
    person,
    inForge: async (...args) => (await git("-C", forge.repositoryPath("shop"), ...args)).trim(),
    async secondRound() {
      const next = await start({ round: 2, attempt: 2, resume: { session: true, required: false } });
      const resume = await next.ask("GET", "/v1/resume");
      expect(resume).toMatchObject({ state: "found", round: 1, transcripts: [transcript] });
      const work = await next.clone();
      const there = await git("-C", work, "ls-remote", "origin", `refs/heads/${branch}`);
      if (there !== "") await git("-C", work, "fetch", "-q", "origin", `${branch}:there`);
      const { baseCommit } = (await next.ready()) as { baseCommit: string };
      await git("-C", work, "reset", "-q", "--hard", there === "" ? baseCommit : "there");
      const { commit: from } = resume as { commit: string };
      await git("-C", work, "fetch", "-q", "origin", "refs/orchestrator/work");
      await git("-C", work, "restore", `--source=${from}`, "--worktree", "--", ".");
      await next.push(work, { "b.txt": "b\n" }, undefined, own(2));
      return await next.deliver({ title: "Round 2", body: "More." });
    },
    [Symbol.asyncDispose]: async () => await stack.disposeAsync(),
  };
}

/** A commit's message as the agent's container writes it when it delivers. */
const own = (round: number): string =>
  `Round ${round}\n\nOf the run.\n\nOrchestrator-Run: ${uid}\nOrchestrator-Round: ${round}`;

/** Who closes a pull request by the API, as merging closes it. */
async function close({ forge }: Stage): Promise<void> {
  const dispatcher = new Agent({ connect: { ca: await readFile(inject("cluster").caFile, "utf8") } });
  const answer = await request(`${forge.apiUrl}/repos/local/shop/pulls/1`, {
    method: "PATCH",
    dispatcher,
    headers: { authorization: `Bearer ${forge.token}` },
    body: JSON.stringify({ state: "closed" }),
  });
  expect(answer.statusCode).toBe(200);
  await answer.body.dump();
  await dispatcher.close();
}

async function merge(stand: Stage, ...options: string[]): Promise<void> {
  const { person } = stand;
  await commit(person, { "elsewhere.txt": "moved on\n" });
  await git("-C", person, "merge", "-q", "--no-ff", "-m", "Merge", ...options, "FETCH_HEAD");
  await git("-C", person, "push", "-q", "origin", "HEAD:main");
  await close(stand);
}

test("what a person has committed to the branch between the rounds is kept and built upon", async () => {
  await using stand = await stage();
  const { person, forge, inForge } = stand;
  await git("-C", person, "switch", "-q", "--track", `origin/${branch}`);
  await commit(person, { "by-hand.txt": "mine\n" }, "By hand");
  await git("-C", person, "push", "-q", "origin", branch);
  expect(await stand.secondRound()).toMatchObject({
    delivery: { outcome: "Delivered", result: { filesChanged: 3, pullRequest: { number: 1 } } },
  });
  expect(await inForge("log", "--format=%s", `main..${branch}`)).toBe("Round 2\nBy hand\nRound 1");
  expect(forge.pullRequests("shop")).toMatchObject([{ number: 1, state: "open", title: "Round 2" }]);
});

test.each(["stays", "is deleted"])(
  "a round after its pull request was merged begins at what it was merged into, with a new one: the branch %s",
  async (branchThen) => {
    await using stand = await stage();
    const { forge, inForge } = stand;
    await merge(stand);
    if (branchThen === "is deleted") await inForge("update-ref", "-d", `refs/heads/${branch}`);
    expect(await stand.secondRound()).toMatchObject({
      delivery: { outcome: "Delivered", result: { filesChanged: 1, pullRequest: { number: 2 } } },
    });
    expect(await inForge("log", "--format=%s", `main..${branch}`)).toBe("Round 2");
    expect(await inForge("show", `${branch}:elsewhere.txt`)).toBe("moved on");
    expect(forge.pullRequests("shop")).toMatchObject([{ state: "closed" }, { number: 2, state: "open" }]);
  },
);

test.each(["stays", "is deleted"])(
  "a round after its pull request was closed brings all of the work, in a new one: the branch %s",
  async (branchThen) => {
    await using stand = await stage();
    const { forge, inForge } = stand;
    await close(stand);
    if (branchThen === "is deleted") await inForge("update-ref", "-d", `refs/heads/${branch}`);
    expect(await stand.secondRound()).toMatchObject({
      delivery: { outcome: "Delivered", result: { filesChanged: 2, pullRequest: { number: 2 } } },
    });
    expect(await inForge("show", `${branch}:a.txt`)).toBe("a");
    expect(forge.pullRequests("shop")).toMatchObject([{ state: "closed" }, { number: 2, state: "open" }]);
  },
);
