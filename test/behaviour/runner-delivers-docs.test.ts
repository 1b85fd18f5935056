import { describe, expect, test } from "vitest";
import { runPod } from "../support/pod.ts";
import { repositoryName, type RunLab, startRunLab, uidOf } from "../support/run-lab.ts";
import { waitFor } from "../support/wait.ts";

const basket = { id: 1, title: "Add a basket", details: "Keep items." };
const till = { id: 2, title: "Add a till", testStrategy: "Count the money." };
const door = { id: 3, title: "Add a door", status: "done" };

const repository = (tasks: object[]): Record<string, string> => ({
  ".taskmaster/tasks/tasks.json": JSON.stringify({ master: { tasks } }),
  "README.md": "# Shop\n",
});

const changedFiles = async (lab: RunLab, branch: string): Promise<string[]> =>
  (await lab.inForge("diff", "--name-only", "main", branch)).trim().split("\n");

const documents = (taskId: number, extension = "md"): string[] =>
  [`acceptance-criteria.${extension}`, `prompt.${extension}`, "source.json", `task.${extension}`].map(
    (name) => `.taskmaster/docs/task-${taskId}/${name}`,
  );

const mergeIntoMain = async (lab: RunLab, branch: string): Promise<void> => {
  await lab.inForge("update-ref", "refs/heads/main", `refs/heads/${branch}`);
};

test("every open task gets its documents, in one commit and one pull request", async () => {
  await using lab = await startRunLab(repository([basket, till, door]));
  await using pod = await lab.docs();
  const { agent, agentMessage, gateway, progress } = await runPod(pod);
  expect(gateway.delivery).toMatchObject({
    outcome: "Delivered",
    tasks: { delivered: "1-2", upToDate: "", failed: "" },
    result: { filesChanged: 8, pullRequest: { number: 1 } },
  });
  expect(agent.exitCode).toBe(0);
  expect(agentMessage).toMatchObject({
    version: 1,
    exitCode: 0,
    agentVersion: expect.stringMatching(/^\d+\.\d+\.\d+/) as unknown,
  });
  expect(agentMessage).not.toHaveProperty("verdict");
  const branch = gateway.delivery?.result?.branch ?? "";
  expect(await changedFiles(lab, branch)).toEqual([...documents(1), ...documents(2)]);
  const log = await lab.inForge(
    "log",
    "--format=%an|%ae|%s|%(trailers:key=Orchestrator-Run,valueonly,separator=%x2C)",
    `main..${branch}`,
  );
  expect(log.trim()).toBe(
    `docs-generation|docs-generation@orchestrator.invalid|Write documents for tasks 1-2|${uidOf("run")}`,
  );
  const [pullRequest] = lab.forge.pullRequests(repositoryName);
  expect(pullRequest).toMatchObject({
    title: "Write documents for tasks 1-2",
    body: expect.stringContaining("- 2: Add a till") as unknown,
  });
  expect(new Set(progress.filter(({ step }) => step === "session").map(({ task }) => task))).toEqual(new Set([1, 2]));
  expect(progress.findLast(({ step }) => step === "task")).toMatchObject({
    tasksDone: 2,
    tasksTotal: 2,
    costUsd: expect.any(Number) as unknown,
  });
});

test("tasks whose text has not changed cost nothing, others are written anew", async () => {
  await using lab = await startRunLab(repository([basket, till]));
  await using first = await lab.docs({}, { name: "first" });
  await mergeIntoMain(lab, (await runPod(first)).gateway.delivery?.result?.branch ?? "");
  const asked = lab.model.requests().total;

  await using second = await lab.docs({}, { name: "second" });
  const unchanged = await runPod(second);
  expect(unchanged.gateway.delivery).toMatchObject({ outcome: "UpToDate", tasks: { upToDate: "1-2" } });
  expect(unchanged.agent.exitCode).toBe(0);
  expect(lab.model.requests().total).toBe(asked);
  expect(lab.forge.pullRequests(repositoryName)).toHaveLength(1);

  await using forced = await lab.docs({ force: true, targetTasks: [2] }, { name: "forced" });
  expect((await runPod(forced)).gateway.delivery).toMatchObject({ outcome: "Delivered", tasks: { delivered: "2" } });
});

test("a task whose text has changed is written anew, and its documents of another format go", async () => {
  await using lab = await startRunLab(repository([basket, till]));
  await using first = await lab.docs({ outputFormat: "MDX" }, { name: "first" });
  const { gateway } = await runPod(first);
  expect(gateway.delivery).toMatchObject({ outcome: "Delivered" });
  await mergeIntoMain(lab, gateway.delivery?.result?.branch ?? "");

  await using second = await lab.docs({ outputFormat: "AsciiDoc", targetTasks: [1] }, { name: "second" });
  const { delivery } = (await runPod(second)).gateway;
  expect(delivery).toMatchObject({ outcome: "Delivered", tasks: { delivered: "1" } });
  const branch = delivery?.result?.branch ?? "";
  const tree = await lab.inForge("ls-tree", "-r", "--name-only", branch, ".taskmaster/docs/");
  expect(tree.trim().split("\n")).toEqual([...documents(1, "adoc"), ...documents(2, "mdx")]);
});

describe.each(["no-files", "one-file-missing", "broken-document"])("a task that ends with %s", (scenario) => {
  test("is left out of the pull request, the complete ones are delivered", async () => {
    const failing = { ...till, details: `[[rehearse:${scenario}]]` };
    await using lab = await startRunLab(repository([basket, failing]));
    await using pod = await lab.docs();
    const { agent, agentMessage, gateway } = await runPod(pod);
    expect(gateway.delivery).toMatchObject({ outcome: "IncompleteDocs", tasks: { delivered: "1", failed: "2" } });
    expect(agent.exitCode).toBe(1);
    // The stop hook sent the agent back to work again and again.
    expect(lab.model.requests().byTask[till.title]).toBeGreaterThan(8);
    expect(agentMessage).toMatchObject({
      verdict: { reason: "IncompleteDocs" },
      failedTasks: [
        { id: 2, reason: "IncompleteDocs", message: expect.stringContaining(".taskmaster/docs/task-2/") as unknown },
      ],
    });
    expect(await changedFiles(lab, gateway.delivery?.result?.branch ?? "")).toEqual(documents(1));
  });
});

test("a run in which no task could be completed opens nothing and counts its tasks", async () => {
  await using lab = await startRunLab(repository([{ ...basket, details: "[[rehearse:no-files]]" }]));
  await using pod = await lab.docs();
  const { gateway, agentMessage } = await runPod(pod);
  expect(gateway.delivery).toMatchObject({ outcome: "IncompleteDocs", tasks: { delivered: "", failed: "1" } });
  expect(agentMessage.verdict).toMatchObject({
    reason: "IncompleteDocs",
    message: expect.stringContaining("it is missing") as unknown,
  });
  expect(lab.forge.pullRequests(repositoryName)).toEqual([]);
});

test("as many sessions as asked for are at work at once, and no more", async () => {
  const tasks = [1, 2, 3].map((id) => ({ id, title: `Task number ${id}` }));
  await using lab = await startRunLab(repository(tasks));
  for (const { title } of tasks) lab.model.holds.hold(title);
  await using pod = await lab.docs({ parallelism: 2 });
  const running = runPod(pod);
  const held = () => tasks.map(({ title }) => lab.model.holds.held(title));
  await waitFor("two sessions", async () => (held().join() === "1,1,0" ? { done: true } : { pending: held() }));
  lab.model.holds.release("Task number 1");
  await waitFor("the third session", async () => (held().join() === "0,1,1" ? { done: true } : { pending: held() }));
  lab.model.holds.release("Task number 2");
  lab.model.holds.release("Task number 3");
  expect((await running).gateway.delivery).toMatchObject({ outcome: "Delivered", tasks: { delivered: "1-3" } });
});
