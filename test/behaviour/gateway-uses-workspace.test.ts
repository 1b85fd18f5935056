import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import {
  commit,
  git,
  startTestForge,
  startTestGateway,
  type TestGateway,
  type TestGatewayOptions,
} from "../support/gateway.ts";

const uid = "0b5f7c1e-0000-4000-8000-000000000001";
const otherUid = "0b5f7c1e-0000-4000-8000-000000000002";
const keptRef = `refs/orchestrator/${uid}`;
const resume = { session: true, required: true, previous: { reason: "NodeLost", message: "the node went away" } };
const own = (runUid: string, round = 1): string =>
  `Open the shop\n\nOrchestrator-Run: ${runUid}\nOrchestrator-Round: ${round}`;

async function makeWorkspace(): Promise<{ workspace: string; inIt: (...args: string[]) => Promise<string> }> {
  const workspace = await mkdtemp(join(tmpdir(), "workspace-"));
  onTestFinished(() => rm(workspace, { recursive: true }));
  const path = join(workspace, "repository.git");
  return { workspace, inIt: async (...args) => (await git("-C", path, ...args)).trim() };
}

test("unfinished work is kept in the workspace, though the forge takes nothing, and a next attempt gets it back", async () => {
  await using forge = await startTestForge();
  const url = await forge.createRepository("shop", { "README.md": "# Shop\n" });
  forge.faults = { refuseRefs: "refs/orchestrator/" };
  const { workspace, inIt } = await makeWorkspace();
  const options: TestGatewayOptions = {
    workspace,
    repository: { url, secretName: "forge", apiUrl: forge.apiUrl },
    repositorySecret: { token: forge.token, host: "127.0.0.1" },
  };
  await using first = await startTestGateway(options);
  await first.ready();
  const clone = await first.clone();
  await commit(clone, { "a.txt": "a\n" });
  await git("-C", clone, "push", "--quiet", "origin", "HEAD:refs/orchestrator/work");
  const head = (await git("-C", clone, "rev-parse", "HEAD")).trim();
  expect(await first.ask("POST", "/v1/hand-in", { commit: head, transcripts: [] })).toEqual({ stored: true });
  expect(await inIt("rev-parse", `${keptRef}^`)).toBe(head);
  expect(await git("-C", forge.repositoryPath("shop"), "for-each-ref", "refs/orchestrator")).toBe("");

  forge.faults = { refusePush: "the branch is protected" };
  await first.push(clone, { "a.txt": "b\n" }, undefined, own(uid));
  expect((await first.deliver()).verdict).toMatchObject({
    reason: "PushRejected",
    message: expect.stringContaining(
      `the work is kept in the workspace (PersistentVolumeClaim workspace-shop) in ${keptRef}`,
    ) as string,
  });
  expect(first.report()).toMatchObject({ resumable: true });
  forge.faults = {};

  await using second = await startTestGateway({ ...options, inputs: { attempt: 2, resume } });
  expect(await second.ready()).toMatchObject({ state: "ready" });
  expect(await second.ask("GET", "/v1/resume")).toMatchObject({ state: "found", commit: head });
  await second.push(await second.clone(), { "a.txt": "c\n" }, undefined, own(uid));
  const { delivery } = await second.deliver();
  expect(delivery).toMatchObject({ outcome: "Delivered" });
  // What a next round may continue is kept on top of what is delivered.
  expect(await inIt("rev-parse", `${keptRef}^`)).toBe(delivery?.result?.commit);
});

test("without a repository a delivery is known again by a next attempt, and runs build on each other", async () => {
  const { workspace, inIt } = await makeWorkspace();
  const url = pathToFileURL(join(workspace, "repository.git")).href;
  const start = async (inputs: TestGatewayOptions["inputs"] = {}): Promise<TestGateway> =>
    await startTestGateway({ workspace, repository: { url, provider: "None" }, inputs });
  await using first = await start();
  const ready = await first.ready();
  await first.push(await first.clone(), { "a.txt": "a\n" }, undefined, own(uid));
  const { delivery } = await first.deliver();
  const delivered = await inIt("rev-parse", "orchestrator/run-1");
  expect({ ready, delivery }).toMatchObject({
    ready: { state: "ready", baseCommit: await inIt("rev-parse", `${delivered}^`) },
    delivery: { outcome: "Delivered", result: { branch: "orchestrator/run-1", commit: delivered, filesChanged: 1 } },
  });
  expect(await inIt("rev-parse", "main")).toBe(delivered);

  // Its pod is gone before anybody heard of that, and a killed Git has left its locks.
  for (const lock of ["packed-refs.lock", "refs/heads/main.lock"]) {
    await writeFile(join(workspace, "repository.git", lock), "");
  }
  await using again = await start({ attempt: 2, resume });
  expect(await again.ready()).toMatchObject({ state: "ready", delivered: true });
  expect(again.report()).toMatchObject({ delivery: { outcome: "Delivered", result: { commit: delivered } } });

  await using other = await start({ uid: otherUid, branch: "orchestrator/run-2" });
  expect(await other.ready()).toMatchObject({ baseCommit: delivered });
  await other.push(await other.clone(), { "b.txt": "b\n" }, undefined, own(otherUid));
  expect((await other.deliver()).delivery).toMatchObject({ outcome: "Delivered", result: { filesChanged: 1 } });
  const main = await inIt("rev-parse", "orchestrator/run-2");
  expect(await inIt("rev-parse", "main")).toBe(main);

  await using late = await start({ round: 2, attempt: 3, resume: { ...resume, required: false } });
  expect(await late.ready()).not.toHaveProperty("delivered");
  const clone = await late.clone();
  await git("-C", clone, "reset", "--quiet", "--hard", delivered);
  await late.push(clone, { "a.txt": "c\n" }, undefined, own(uid, 2));
  expect((await late.deliver()).delivery).toMatchObject({ outcome: "Delivered", result: { filesChanged: 1 } });
  expect(await inIt("rev-parse", "main")).toBe(main);
  expect(late.log.join("")).toContain("The workspace's branch stays where it is");
});
