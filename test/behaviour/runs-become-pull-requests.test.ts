import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { RunObject } from "@orchestrator/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { backlog } from "../support/backlog.ts";
import { kubectlOk } from "../support/cluster.ts";
import { docsRuns, implementationRuns, waitForRun } from "../support/runs.ts";
import { startWorkbench, type Workbench } from "../support/workbench.ts";

const run = promisify(execFile);
const ended = ({ phase }: { phase?: string }): boolean => phase === "Succeeded" || phase === "Failed";

let bench: Workbench;
beforeAll(async () => {
  bench = await startWorkbench("main-job");
});
afterAll(() => bench[Symbol.asyncDispose]());

const apply = (object: RunObject): Promise<string> =>
  kubectlOk(["apply", "-f", "-"], { input: JSON.stringify(object) });

async function filesOf(name: string, branch: string): Promise<string[]> {
  const args = ["-C", bench.forge.repositoryPath(name), "diff", "--name-only", "main", branch];
  return (await run("git", args)).stdout.trim().split("\n");
}

test("a DocsGenerationRun becomes a pull request with the documents, then is up to date at no cost", async () => {
  await using operator = await bench.operator("docs-generation-operator");
  const repository = await bench.repository("docs", backlog([{ id: 1 }, { id: 2 }, { id: 3, status: "done" }]));
  await apply(bench.docs("first", { repository }));
  const first = await waitForRun(bench.client, docsRuns, { namespace: bench.namespace, name: "first" }, "ends", ended);
  expect(first.status, operator.output.stderr).toMatchObject({
    phase: "Succeeded",
    result: { pullRequest: { number: 1 }, filesChanged: 8 },
    tasks: { total: 2, delivered: 2, upToDate: 0, failed: 0 },
  });
  const branch = first.status?.result?.branch ?? "";
  const task = (id: number): string[] =>
    ["acceptance-criteria.md", "prompt.md", "source.json", "task.md"].map(
      (file) => `.taskmaster/docs/task-${id}/${file}`,
    );
  expect(await filesOf("docs", branch)).toEqual([...task(1), ...task(2)]);
  expect(bench.forge.pullRequests("docs")).toMatchObject([{ number: 1, state: "open" }]);

  // Somebody merges it; the same again then has nothing to do, and asks no model.
  await run("git", ["-C", bench.forge.repositoryPath("docs"), "update-ref", "refs/heads/main", branch]);
  const asked = bench.model.requests().total;
  await apply(bench.docs("second", { repository }));
  const second = await waitForRun(
    bench.client,
    docsRuns,
    { namespace: bench.namespace, name: "second" },
    "ends",
    ended,
  );
  expect(second.status).toMatchObject({ phase: "Succeeded", tasks: { total: 2, upToDate: 2 } });
  expect(second.status?.conditions).toContainEqual(expect.objectContaining({ type: "Succeeded", reason: "UpToDate" }));
  expect(bench.model.requests().total).toBe(asked);
  expect(bench.forge.pullRequests("docs")).toHaveLength(1);
});

test("a TaskImplementationRun becomes a pull request with the implementation", async () => {
  await using operator = await bench.operator("task-implementation-operator");
  const repository = await bench.repository("implementation", backlog([{ id: 1 }]));
  await apply(bench.implementation("implement", { repository }));
  const key = { namespace: bench.namespace, name: "implement" };
  const implemented = await waitForRun(bench.client, implementationRuns, key, "ends", ended);
  expect(implemented.status, operator.output.stderr).toMatchObject({
    phase: "Succeeded",
    result: { pullRequest: { number: 1 } },
    provenance: { agentVersion: "2.1.330" },
  });
  const files = await filesOf("implementation", implemented.status?.result?.branch ?? "");
  expect(files.every((file) => file.startsWith("services/greeter/"))).toBe(true);
  const { stdout } = await run("git", [
    "-C",
    bench.forge.repositoryPath("implementation"),
    "log",
    "-1",
    "--format=%an %(trailers:key=Orchestrator-Run,valueonly)",
    implemented.status?.result?.branch ?? "",
  ]);
  expect(stdout.trim()).toBe(`ada ${implemented.metadata.uid}`);
});
