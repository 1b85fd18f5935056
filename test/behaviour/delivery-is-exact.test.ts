import type { ApiCall, FaultProxy } from "@orchestrator/fault-kit";
import type { Forge } from "@orchestrator/local-cluster";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commit, git, startTestForge, startTestGateway, type TestGateway } from "../support/gateway.ts";
import { startTlsProxy } from "../support/tls-proxy.ts";

const branch = "orchestrator/run-1";
const uid = "0b5f7c1e-0000-4000-8000-000000000001";
const words = { title: "Open the shop", body: "It is open now.\n" };
const message = `${words.title}\n\n${words.body}\nOrchestrator-Run: ${uid}\nOrchestrator-Round: 1`;

/** Where the way to the forge breaks: before a request has reached it, or before its answer has come back. */
interface Cut {
  at: "request" | "answer";
  of: string;
  /** Only that one request is lost. */
  once?: true;
}

const push = "POST git-receive-pack";
const cuts: Record<string, Cut> = {
  "before the push": { at: "request", of: push },
  "after the push, before its answer": { at: "answer", of: push },
  "after the push, before the pull request is looked for": { at: "request", of: "GET pulls" },
  "before the pull request is opened": { at: "request", of: "POST pulls" },
  "after the pull request, before its answer": { at: "answer", of: "POST pulls" },
};

/** The way to the forge, which breaks at a cut and stays broken until it is mended. */
class Way {
  #cut: Cut | undefined;
  #broken = false;

  set(cut: Cut | undefined): void {
    this.#cut = cut;
    this.#broken = false;
  }

  get isBroken(): boolean {
    return this.#broken;
  }

  pass(at: Cut["at"], { method, path }: ApiCall): void {
    const name = `${method} ${new URL(path, "https://forge").pathname.split("/").at(-1)}`;
    if (this.#broken && this.#cut?.once) return;
    this.#broken ||= this.#cut?.at === at && this.#cut.of === name;
    if (this.#broken) throw new Error("the way to the forge is broken");
  }
}

const way = new Way();
const stack = new AsyncDisposableStack();
let forge: Forge;
let proxy: FaultProxy;
beforeAll(async () => {
  forge = stack.use(await startTestForge());
  proxy = stack.use(
    await startTlsProxy({
      target: forge.url,
      onRequest: (call) => way.pass("request", call),
      onAnswer: (call) => way.pass("answer", call),
    }),
  );
});
afterAll(() => stack.disposeAsync());

async function start(name: string, more: { root?: string; inputs?: object } = {}): Promise<TestGateway> {
  const run = await startTestGateway({
    repository: { url: `${proxy.url}/local/${name}.git`, secretName: "forge", apiUrl: `${proxy.url}/api/v3` },
    repositorySecret: { token: forge.token, host: "127.0.0.1" },
    ...more,
  });
  await run.ready();
  return run;
}

/** The agent's container has worked, handed in, committed and pushed to its gateway; what is left is the delivery. */
async function worked(name: string): Promise<TestGateway> {
  await forge.createRepository(name, { "README.md": "# Shop\n" });
  const run = await start(name);
  const clone = await run.clone();
  await commit(clone, { "a.txt": "a\n" }, message);
  for (const ref of ["refs/orchestrator/work", branch]) await git("-C", clone, "push", "-q", "origin", `HEAD:${ref}`);
  const head = (await git("-C", clone, "rev-parse", "HEAD")).trim();
  expect(await run.ask("POST", "/v1/hand-in", { commit: head, transcripts: [] })).toEqual({ stored: true });
  return run;
}

/** How a delivery that broke off is completed. Each asks with the words of the commit. */
const ways: Record<string, (name: string, run: TestGateway) => Promise<TestGateway>> = {
  async "the network comes back and the same gateway is asked again"(_name, run) {
    await run.deliver(words);
    return run;
  },
  async "the gateway has crashed and is started again in its pod"(name, run) {
    await run.stop({ graceMs: 0 });
    const again = await start(name, { root: run.root });
    await again.deliver(words);
    return again;
  },
  async "the pod is gone and another attempt goes on"(name, run) {
    await run.stop({ graceMs: 0 });
    const previous = { reason: "NodeLost", message: "the node went away" };
    const next = await start(name, { inputs: { attempt: 2, resume: { session: true, required: true, previous } } });
    const readiness = await next.ready();
    expect(readiness).toMatchObject({ state: "ready" });
    if ("delivered" in readiness) return next;
    const { commit: work } = (await next.ask("GET", "/v1/resume")) as { commit: string };
    const clone = await next.clone();
    await git("-C", clone, "fetch", "-q", "origin", "refs/orchestrator/work");
    await git("-C", clone, "restore", `--source=${work}`, "--worktree", "--", ".");
    await next.push(clone, {}, undefined, message);
    await next.deliver(words);
    return next;
  },
};

const rows = Object.keys(cuts).flatMap((point) => Object.keys(ways).map((how) => [point, how] as const));

describe("one branch with one commit and one pull request that says what was done", () => {
  test.each(rows)("broken off %s; then %s", async (point, how) => {
    const name = `shop-${rows.findIndex((row) => row[0] === point && row[1] === how)}`;
    await using run = await worked(name);
    way.set(cuts[point]);
    await run.deliver({ title: "First try", body: "Broken off." });
    expect(way.isBroken).toBe(true);
    way.set(undefined);
    const completing = ways[how];
    const last = await completing?.(name, run);
    const inForge = async (...args: string[]): Promise<string> =>
      (await git("-C", forge.repositoryPath(name), ...args)).trim();
    expect(await inForge("for-each-ref", "--format=%(refname)", "refs/heads/")).toBe(
      `refs/heads/main\nrefs/heads/${branch}`,
    );
    expect(await inForge("log", "--format=%s", `main..${branch}`)).toBe(words.title);
    expect(await inForge("show", `${branch}:a.txt`)).toBe("a");
    expect(forge.pullRequests(name)).toMatchObject([{ ...words, number: 1, state: "open", head: branch }]);
    const report = last?.report();
    expect(report).toMatchObject({ delivery: { outcome: "Delivered", result: { pullRequest: { number: 1 } } } });
    expect(report).not.toHaveProperty("verdict");
    // A gateway that was started again shares its folders with the first.
    await (last?.root === run.root ? last.stop() : last?.[Symbol.asyncDispose]());
  });
});

test.each(["request", "answer"] as const)(
  "the same delivery goes on when, of opening the pull request, only the %s is lost",
  async (at) => {
    const name = `shop-lost-${at}`;
    await using run = await worked(name);
    way.set({ at, of: "POST pulls", once: true });
    const { delivery } = await run.deliver(words);
    expect(way.isBroken).toBe(true);
    way.set(undefined);
    expect(delivery).toMatchObject({ outcome: "Delivered", result: { pullRequest: { number: 1 } } });
    expect(forge.pullRequests(name)).toMatchObject([{ ...words, number: 1, state: "open", head: branch }]);
    expect(run.report()).not.toHaveProperty("verdict");
  },
);
