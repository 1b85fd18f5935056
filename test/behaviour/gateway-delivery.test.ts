import { createHash } from "node:crypto";
import { mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gatewayMessage } from "@orchestrator/core/pure";
import type { Forge } from "@orchestrator/local-cluster";
import { Agent, request } from "undici";
import { expect, inject, test } from "vitest";
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
const tasks = { tasks: [1, 2, 3].map((id) => ({ id, title: `Task ${id}`, status: "pending" })) };
const files = { "README.md": "# Shop\n", ".taskmaster/tasks/tasks.json": JSON.stringify(tasks) };

interface Stage extends AsyncDisposable {
  forge: Forge;
  url: string;
  run: TestGateway;
  options: TestGatewayOptions;
  clone: string;
}

/** A run with a clone of its repository, on the run's branch. */
async function stage(
  options: Partial<TestGatewayOptions> & { provider?: "None"; files?: Record<string, string> } = {},
): Promise<Stage> {
  const stack = new AsyncDisposableStack();
  const forge = stack.use(await startTestForge());
  const url = await forge.createRepository("shop", options.files ?? files);
  const { provider = "GitHub", docs } = options;
  const gatewayOptions: TestGatewayOptions = {
    repository: { url, provider, secretName: "forge", ...(provider === "None" ? {} : { apiUrl: forge.apiUrl }) },
    repositorySecret: { token: forge.token, host: "127.0.0.1" },
    ...(docs === undefined ? {} : { docs }),
  };
  const run = stack.use(await startTestGateway(gatewayOptions));
  await run.ready();
  const dispose = async (): Promise<void> => await stack.disposeAsync();
  return { forge, url, run, options: gatewayOptions, clone: await run.clone(), [Symbol.asyncDispose]: dispose };
}

/** A person's own clone of the run's branch. */
async function personsClone({ forge, url, run }: Stage): Promise<string> {
  const clone = await mkdtemp(join(run.root, "person-"));
  await git("clone", "--quiet", "--branch", branch, withToken(url, forge), clone);
  return clone;
}

async function upstreamCommit({ forge }: Stage): Promise<string> {
  return (
    await git("-C", forge.repositoryPath("shop"), "for-each-ref", "--format=%(objectname)", `refs/heads/${branch}`)
  ).trim();
}

/** The documents of a task as a session and the runner leave them. */
function documents(id: number, text = "text", hash = taskHash(id)): Record<string, string> {
  const folder = `.taskmaster/docs/task-${id}`;
  return {
    [`${folder}/task.md`]: `# Task ${id}\n\n${text}\n`,
    [`${folder}/prompt.md`]: `# Prompt ${id}\n\n${text}\n`,
    [`${folder}/acceptance-criteria.md`]: `# Criteria ${id}\n\n- ${text}\n`,
    [`${folder}/source.json`]: JSON.stringify({ hash, format: "Markdown" }),
  };
}

/** Hash of a task that has a title alone. */
function taskHash(id: number): string {
  const canonical = JSON.stringify([`Task ${id}`, "", "", "", [], []]);
  return `sha256:${createHash("sha256").update(canonical).digest("hex")}`;
}

test("work is pushed and handed in as a pull request", async () => {
  await using stand = await stage();
  await stand.run.push(stand.clone, { "src/shop.ts": "export const open = true;\n", "README.md": "# Our shop\n" });
  const { delivery } = await stand.run.deliver({ title: "Open the shop", body: "It is open now." });
  const [pull] = stand.forge.pullRequests("shop");
  expect(pull).toMatchObject({
    number: 1,
    title: "Open the shop",
    body: "It is open now.",
    head: branch,
    base: "main",
  });
  const head = await upstreamCommit(stand);
  expect(delivery).toEqual({
    outcome: "Delivered",
    result: {
      branch,
      baseCommit: (await git("-C", stand.forge.repositoryPath("shop"), "rev-parse", "main")).trim(),
      commit: head,
      filesChanged: 2,
      pullRequest: { number: 1, url: `${stand.forge.url}/local/shop/pull/1` },
    },
  });
  expect(gatewayMessage.parse(JSON.parse(stand.run.terminationMessage()))).toMatchObject({ delivery });
});

test("a delivery that is asked for again is answered the same way, with one branch and one pull request", async () => {
  await using stand = await stage();
  await stand.run.push(stand.clone, { "a.txt": "a\n" });
  const first = await stand.run.deliver();
  expect(await stand.run.deliver({ title: "Other words", body: "" })).toEqual(first);
  await stand.run.stop();
  const again = await startTestGateway({ ...stand.options, root: stand.run.root });
  expect(await again.deliver()).toEqual(first);
  await again.stop();
  expect(stand.forge.pullRequests("shop")).toHaveLength(1);
});

test("a delivery that broke off between push and pull request is completed by asking again", async () => {
  await using stand = await stage();
  await stand.run.push(stand.clone, { "a.txt": "a\n" });
  stand.forge.faults = { pullRequestStatus: 500 };
  const { verdict } = await stand.run.deliver();
  expect(verdict).toMatchObject({ reason: "ForgeUnavailable" });
  expect(verdict?.message).toContain(`${stand.forge.apiUrl} answered 500`);
  expect(stand.run.report()).toMatchObject({ verdict: { reason: "ForgeUnavailable" } });
  const pushed = await upstreamCommit(stand);
  stand.forge.faults = {};
  expect((await stand.run.deliver()).delivery).toMatchObject({ outcome: "Delivered", result: { commit: pushed } });
  expect(stand.run.report()).not.toHaveProperty("verdict");
  expect(stand.forge.pullRequests("shop")).toHaveLength(1);
});

test("a gateway that is told to stop completes the delivery in hand", async () => {
  await using stand = await stage();
  await stand.run.push(stand.clone, { "a.txt": "a\n" });
  stand.forge.faults = { delayMs: 200 };
  const delivering = stand.run.deliver();
  await waitFor("the delivery to be under way", async () => {
    const judged = stand.run.log.some((line) => line.includes("Judged the run's branch"));
    return judged ? { done: true } : { pending: stand.run.log };
  });
  await stand.run.stop();
  expect(await delivering).toMatchObject({
    delivery: { outcome: "Delivered", result: { pullRequest: { number: 1 } } },
  });
  expect(stand.run.report()).toMatchObject({ delivery: { outcome: "Delivered" } });
});

test("a forge that hangs does not keep the gateway from stopping", async () => {
  await using stand = await stage();
  await stand.run.push(stand.clone, { "a.txt": "a\n" });
  stand.forge.faults = { delayMs: 3_600_000 };
  const delivering = Promise.allSettled([stand.run.deliver()]);
  await waitFor("the delivery to be under way", async () => {
    const judged = stand.run.log.some((line) => line.includes("Judged the run's branch"));
    return judged ? { done: true } : { pending: stand.run.log };
  });
  await stand.run.stop({ graceMs: 0 });
  await delivering;
  expect(stand.run.report()).not.toHaveProperty("delivery");
  expect(await upstreamCommit(stand)).toBe("");
});

test("a pull request that is there already is adopted and brought up to date", async () => {
  await using stand = await stage();
  await stand.run.push(stand.clone, { "a.txt": "a\n" });
  await stand.run.deliver({ title: "First", body: "first" });
  await stand.run.push(stand.clone, { "b.txt": "b\n" });
  const { delivery } = await stand.run.deliver({ title: "Second", body: "second" });
  expect(delivery?.result).toMatchObject({ filesChanged: 2, pullRequest: { number: 1 } });
  expect(stand.forge.pullRequests("shop")).toMatchObject([{ title: "Second", body: "second" }]);
});

test("a pull request that a person has closed at this very commit is not opened anew", async () => {
  await using stand = await stage();
  await stand.run.push(stand.clone, { "a.txt": "a\n" });
  stand.forge.faults = { pullRequestStatus: 500 };
  await stand.run.deliver();
  stand.forge.faults = {};
  const pulls = `${stand.forge.apiUrl}/repos/local/shop/pulls`;
  await api(stand, "POST", pulls, { title: "By hand", head: branch, base: "main" });
  await api(stand, "PATCH", `${pulls}/1`, { state: "closed" });
  expect((await stand.run.deliver()).delivery?.result).toMatchObject({ pullRequest: { number: 1 } });
  expect(stand.forge.pullRequests("shop")).toMatchObject([{ title: "By hand", state: "closed" }]);
});

test("a branch that a person has moved is not overwritten", async () => {
  await using stand = await stage();
  await stand.run.push(stand.clone, { "a.txt": "a\n" });
  await stand.run.deliver();
  const person = await personsClone(stand);
  await commit(person, { "by-hand.txt": "mine\n" });
  await git("-C", person, "push", "--quiet");
  const theirs = await upstreamCommit(stand);
  await stand.run.push(stand.clone, { "b.txt": "b\n" });
  const { verdict } = await stand.run.deliver();
  expect(verdict).toMatchObject({ reason: "PushRejected" });
  expect(verdict?.message).toContain(`branch ${branch} in ${stand.url} holds commits that are not from this run`);
  expect(await upstreamCommit(stand)).toBe(theirs);
});

test("a forge that cannot be reached for a moment costs no work", async () => {
  await using forge = await startTestForge();
  const url = new URL(await forge.createRepository("shop", files));
  await using proxy = await startTlsProxy({ target: url.origin });
  await using run = await startTestGateway({
    repository: { url: `${proxy.url}${url.pathname}`, provider: "None", secretName: "forge" },
    repositorySecret: { token: forge.token, host: "127.0.0.1" },
  });
  await run.ready();
  await run.push(await run.clone(), { "a.txt": "a\n" });
  proxy.cut(1);
  expect((await run.deliver()).delivery).toMatchObject({ outcome: "Delivered" });
  expect(run.log.filter((line) => line.includes("trying again"))).toHaveLength(1);
});

test("a forge that refuses the push is quoted", async () => {
  await using stand = await stage();
  await stand.run.push(stand.clone, { "a.txt": "a\n" });
  stand.forge.faults = { refusePush: "This repository is frozen until Monday." };
  const { verdict } = await stand.run.deliver();
  expect(verdict).toMatchObject({ reason: "PushRejected" });
  expect(verdict?.message).toContain("This repository is frozen until Monday.");
});

test("a forge that refuses the pull request is quoted, and the branch is said to be pushed", async () => {
  await using stand = await stage();
  await stand.run.push(stand.clone, { "a.txt": "a\n" });
  stand.forge.faults = { pullRequestStatus: 403 };
  const { verdict } = await stand.run.deliver();
  expect(verdict).toMatchObject({ reason: "DeliveryRefused" });
  expect(verdict?.message).toContain("the branch is pushed, but");
  expect(verdict?.message).toContain("the branch is pushed, but ");
  expect(await upstreamCommit(stand)).not.toBe("");
});

test("provider None delivers by the push alone", async () => {
  await using stand = await stage({ provider: "None" });
  await stand.run.push(stand.clone, { "a.txt": "a\n" });
  const { delivery } = await stand.run.deliver();
  expect(delivery).toMatchObject({ outcome: "Delivered", result: { branch, commit: await upstreamCommit(stand) } });
  expect(delivery?.result).not.toHaveProperty("pullRequest");
  expect(stand.forge.pullRequests("shop")).toEqual([]);
});

test("a run that changed nothing pushes nothing", async () => {
  await using stand = await stage();
  expect((await stand.run.deliver()).delivery).toMatchObject({ outcome: "NothingDelivered" });
  await stand.run.push(stand.clone, { "a.txt": "a\n" });
  await stand.run.push(stand.clone, { "a.txt": "" });
  expect((await stand.run.deliver()).delivery).toMatchObject({ outcome: "NothingDelivered" });
  expect(await upstreamCommit(stand)).toBe("");
});

test("a later attempt goes on where the branch was left, and only its own part counts as changed", async () => {
  await using stand = await stage();
  await stand.run.push(stand.clone, { "a.txt": "a\n" });
  await stand.run.deliver();
  const main = await mkdtemp(join(stand.run.root, "main-"));
  await git("clone", "--quiet", withToken(stand.url, stand.forge), main);
  await commit(main, { "elsewhere.txt": "moved on\n" });
  await git("-C", main, "push", "--quiet");

  await using second = await startTestGateway(stand.options);
  await second.ready();
  const clone = await mkdtemp(join(second.root, "clone-"));
  const { address, token } = second.gateway.door;
  await git(
    "clone",
    "--quiet",
    "--branch",
    branch,
    `${address.replace("://", `://run:${token}@`)}/repository.git`,
    clone,
  );
  await second.push(clone, { "b.txt": "b\n" });
  const { delivery } = await second.deliver();
  expect(delivery).toMatchObject({ outcome: "Delivered", result: { filesChanged: 2, pullRequest: { number: 1 } } });
});

test("documents of every task are delivered, each task by its own documents", async () => {
  await using stand = await stage({ docs: {} });
  await stand.run.push(stand.clone, { ...documents(1), ...documents(2), ...documents(3) });
  expect((await stand.run.deliver()).delivery).toMatchObject({
    outcome: "Delivered",
    result: { filesChanged: 12, pullRequest: { number: 1 } },
    tasks: { delivered: "1-3", upToDate: "", failed: "" },
  });
});

test("complete tasks are delivered though others are missing, unparsable or about another text", async () => {
  await using stand = await stage({ docs: {} });
  await stand.run.push(stand.clone, {
    ...documents(1),
    ...documents(2, "```\nnever closed"),
    ...documents(3, "text", "sha256:of-another-text"),
  });
  const { delivery } = await stand.run.deliver();
  expect(delivery).toMatchObject({
    outcome: "IncompleteDocs",
    result: { pullRequest: { number: 1 } },
    tasks: { delivered: "1", upToDate: "", failed: "2-3" },
  });
});

const own = "Write documents\n\nAll of them.\n\nOrchestrator-Run: 0b5f7c1e-0000-4000-8000-000000000001";

test("documents that a later attempt finds complete on the branch are delivered without an agent", async () => {
  await using stand = await stage({ docs: {} });
  stand.forge.faults = { pullRequestStatus: 500 };
  await stand.run.push(stand.clone, { ...documents(1), ...documents(2), ...documents(3) }, undefined, own);
  await stand.run.deliver();
  stand.forge.faults = {};
  await using second = await startTestGateway({ ...stand.options, inputs: { attempt: 2 } });
  expect(await second.ready()).toMatchObject({ state: "ready", delivered: true });
  expect(second.report().delivery).toMatchObject({ outcome: "Delivered", tasks: { delivered: "1-3" } });
  expect(stand.forge.pullRequests("shop")).toMatchObject([{ title: "Write documents", body: "All of them.\n" }]);
});

test("a part of the documents, found on the branch, is no success yet", async () => {
  await using stand = await stage({ docs: {} });
  await stand.run.push(stand.clone, documents(1), undefined, own);
  await stand.run.deliver({ title: "A part", body: "of them" });
  await using second = await startTestGateway({ ...stand.options, inputs: { attempt: 2 } });
  expect(await second.ready()).not.toHaveProperty("delivered");
  expect(second.report()).not.toHaveProperty("delivery");
  expect(stand.forge.pullRequests("shop")).toMatchObject([{ title: "A part" }]);
});

test("documents that were up to date before cost nothing and are not delivered again", async () => {
  await using stand = await stage({
    docs: { targetTasks: [1, 2] },
    files: { ...files, ...documents(1), ...documents(2) },
  });
  expect((await stand.run.deliver()).delivery).toMatchObject({
    outcome: "UpToDate",
    tasks: { delivered: "", upToDate: "1-2", failed: "" },
  });
  expect(await upstreamCommit(stand)).toBe("");
});

test("documents that had to be written again and were not are no success", async () => {
  await using stand = await stage({
    docs: { targetTasks: [1, 2], force: true },
    files: { ...files, ...documents(1), ...documents(2) },
  });
  await stand.run.push(stand.clone, documents(1, "new text"));
  expect((await stand.run.deliver()).delivery).toMatchObject({
    outcome: "IncompleteDocs",
    tasks: { delivered: "1", upToDate: "", failed: "2" },
  });
});

test("a docs run whose tasks have no complete documents pushes nothing", async () => {
  await using stand = await stage({ docs: {} });
  await stand.run.push(stand.clone, { ".taskmaster/docs/task-1/task.md": "# Alone\n" });
  expect((await stand.run.deliver()).delivery).toMatchObject({
    outcome: "IncompleteDocs",
    tasks: { delivered: "", upToDate: "", failed: "1-3" },
  });
  expect(await upstreamCommit(stand)).toBe("");
});

test("a docs run that changes other files is refused, with the file named", async () => {
  await using stand = await stage({ docs: {} });
  await stand.run.push(stand.clone, { ...documents(1), "src/shop.ts": "export {};\n" });
  const { verdict } = await stand.run.deliver();
  expect(verdict).toEqual({
    reason: "DeliveryRefused",
    message: "src/shop.ts was changed, but a run that writes documents may change files below .taskmaster/docs/ only",
  });
  expect(stand.run.report()).toMatchObject({ verdict });
  expect(await upstreamCommit(stand)).toBe("");
});

test("a secret in any commit of the branch is refused by file and line, and not told", async () => {
  await using stand = await stage();
  await stand.run.push(stand.clone, { "config.ts": `export const a = 1;\nexport const key = "${modelKey}";\n` });
  await stand.run.push(stand.clone, { "config.ts": "export const a = 1;\n" });
  const { verdict } = await stand.run.deliver();
  expect(verdict).toEqual({
    reason: "DeliveryRefused",
    message:
      "config.ts, line 2 looks like a credential of this run: it must not be in any commit of the branch, not even a removed one",
  });
  expect(await upstreamCommit(stand)).toBe("");
});

test("a file that is too large is refused with its name and size", async () => {
  await using stand = await stage();
  await stand.run.push(stand.clone, { "data.bin": "x".repeat(10 * 1024 * 1024 + 1) });
  const { verdict } = await stand.run.deliver();
  expect(verdict).toMatchObject({ reason: "DeliveryRefused" });
  expect(verdict?.message).toContain("data.bin has 10485761 bytes; at most 10485760 are delivered");
});

test("a repository within the work tree is refused unless .gitmodules names it, for its files would not be there", async () => {
  await using stand = await stage();
  const inner = join(stand.clone, "web");
  await git("init", "--quiet", inner);
  await commit(inner, { "a.txt": "a\n" });
  await stand.run.push(stand.clone, { "b.txt": "b\n" });
  const { verdict } = await stand.run.deliver();
  expect(verdict).toEqual({
    reason: "DeliveryRefused",
    message:
      "web is a Git repository of its own and no submodule that .gitmodules names: its files would not be delivered",
  });
  expect(await upstreamCommit(stand)).toBe("");
  const named = '[submodule "web"]\n\tpath = web\n\turl = https://forge.example.test/web\n';
  await stand.run.push(stand.clone, { ".gitmodules": named });
  expect((await stand.run.deliver()).delivery).toMatchObject({ outcome: "Delivered" });
});

test("work that brings in another history is looked at from that history's first commit", async () => {
  await using stand = await stage();
  await git("-C", stand.clone, "checkout", "--quiet", "--orphan", "other");
  await git("-C", stand.clone, "rm", "--quiet", "-r", "--force", ".");
  await commit(stand.clone, { "config.js": `const key = "${modelKey}";\n` });
  await git("-C", stand.clone, "checkout", "--quiet", branch);
  await git("-C", stand.clone, "merge", "--quiet", "--allow-unrelated-histories", "--message=Join", "other");
  await stand.run.push(stand.clone, { "notes.md": "# Joined\n" });
  expect(await stand.run.deliver()).toEqual({
    verdict: { reason: "DeliveryRefused", message: expect.stringContaining("config.js, line 1") as unknown },
  });
});

test("a branch that does not begin at the commit it was given is refused", async () => {
  await using stand = await stage();
  await git("-C", stand.clone, "switch", "--quiet", "--orphan", "fresh");
  await stand.run.push(stand.clone, { "a.txt": "a\n" });
  const { verdict } = await stand.run.deliver();
  expect(verdict).toMatchObject({ reason: "DeliveryRefused" });
  expect(verdict?.message).toContain("does not begin at");
});

test("a request for delivery that is none is refused with what is wrong", async () => {
  await using stand = await stage();
  const { address, token } = stand.run.gateway.door;
  const post = async (body: string): Promise<Response> =>
    await fetch(`${address}/v1/delivery`, { method: "POST", headers: { authorization: `Bearer ${token}` }, body });
  expect((await post("{")).status).toBe(400);
  const answer = await post(JSON.stringify({ title: "" }));
  expect(answer.status).toBe(400);
  expect(await answer.text()).toContain("title");
});

async function api({ forge }: Stage, method: "POST" | "PATCH", url: string, body: object): Promise<void> {
  const dispatcher = new Agent({ connect: { ca: await readFile(inject("cluster").caFile, "utf8") } });
  const headers = { authorization: `Bearer ${forge.token}` };
  const answer = await request(url, { method, dispatcher, headers, body: JSON.stringify(body) });
  await answer.body.dump();
  await dispatcher.close();
  expect(answer.statusCode).toBeLessThan(300);
}
