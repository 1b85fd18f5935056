import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { RunObject, RunStatus } from "@orchestrator/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { kubectl, kubectlOk } from "../support/cluster.ts";
import { implementationRuns, waitForRun } from "../support/runs.ts";
import { startWorkbench, type Workbench } from "../support/workbench.ts";
import { makeVolume, type TestVolume } from "../support/workspace.ts";

const exec = promisify(execFile);

let bench: Workbench;
let volume: TestVolume;
beforeAll(async () => {
  bench = await startWorkbench("without-repository");
  volume = await makeVolume();
});
afterAll(async () => {
  await bench[Symbol.asyncDispose]();
  await volume[Symbol.asyncDispose]();
});

const taskFile = (content: string) => ({ filename: "task.md", fileType: "task", content });

function run(name: string, taskId: number, spec: Record<string, unknown> = {}): RunObject {
  const markdownFiles = [taskFile(`# Greet number ${taskId}\n\nWrite a module that does it.\n`)];
  return bench.implementation(name, { taskId, workspace: volume.spec, markdownFiles, ...spec });
}

const apply = (object: RunObject): Promise<string> =>
  kubectlOk(["apply", "-f", "-"], { input: JSON.stringify(object) });

async function ending(name: string, round = 1): Promise<Partial<RunStatus>> {
  const key = { namespace: bench.namespace, name };
  const ended = await waitForRun(
    bench.client,
    implementationRuns,
    key,
    "to end",
    (status) => status.completionTime !== undefined && status.round === round,
  );
  return ended.status ?? {};
}

async function inWorkspace(...args: string[]): Promise<string[]> {
  const path = join(volume.directory, "gateway", "repository.git");
  return (await exec("git", ["-C", path, ...args])).stdout.trim().split("\n");
}

test("delivers into the workspace, where the next run of the service builds on it, and so does its own next round", async () => {
  await using operator = await bench.operator("task-implementation-operator");
  await apply(run("first", 1));
  const first = await ending("first");
  expect(first, operator.output.stderr).toMatchObject({
    phase: "Succeeded",
    result: { branch: expect.stringMatching(/^orchestrator\/task\/first-/) as string, filesChanged: 2 },
  });
  expect(first.result).not.toHaveProperty("pullRequest");
  expect(await inWorkspace("rev-parse", "main", first.result?.branch ?? "")).toEqual([
    first.result?.commit,
    first.result?.commit,
  ]);
  expect(await inWorkspace("log", "--format=%s", "main")).toEqual([
    "Implement task 1: Greet number 1",
    "Begin the workspace",
  ]);
  // What a next round may continue is kept on top of what is delivered.
  const [kept] = await inWorkspace("for-each-ref", "--format=%(refname)", "refs/orchestrator");
  expect(await inWorkspace("rev-parse", `${kept}^`)).toEqual([first.result?.commit]);

  await apply(run("second", 2));
  expect(await ending("second")).toMatchObject({
    phase: "Succeeded",
    result: { baseCommit: first.result?.commit, filesChanged: 2 },
  });
  expect(await inWorkspace("log", "--format=%s", "main")).toEqual([
    "Implement task 2: Greet number 2",
    "Implement task 1: Greet number 1",
    "Begin the workspace",
  ]);

  await apply(run("second", 2, { contextVersion: 2, followUp: "Leave a note as well." }));
  const followed = await ending("second", 2);
  expect(followed).toMatchObject({ phase: "Succeeded", result: { baseCommit: first.result?.commit, filesChanged: 3 } });
  expect(await inWorkspace("diff", "--name-only", `${first.result?.commit}..main`)).toEqual([
    "services/greeter/round-2.txt",
    "services/greeter/task-2.mjs",
    "services/greeter/task-2.test.mjs",
  ]);
});

test.each([
  [
    "nor a workspace",
    { workspace: undefined },
    "spec.repository: Invalid value: is needed, or else a workspace in which the work stays: name a repository, or give workspace.size",
  ],
  [
    "and without a task",
    { markdownFiles: [{ ...taskFile("# Notes\n"), fileType: "context" }] },
    "give a file of fileType task, or name a repository",
  ],
  [
    "but with the address of a file",
    { repository: { url: "file:///run/orchestrator/workspace/repository.git", provider: "None" } },
    "must be an https URL",
  ],
])("is refused without a repository %s, with the cure", async (_, spec, cure) => {
  const { code, stderr } = await kubectl(["apply", "-f", "-"], { input: JSON.stringify(run("refused", 1, spec)) });
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(cure) as string });
});
