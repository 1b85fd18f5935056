import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { runPod } from "../support/pod.ts";
import { repositoryName, startRunLab, uidOf } from "../support/run-lab.ts";

const repository = (details = "Keep items."): Record<string, string> => ({
  "apps/web/.taskmaster/tasks/tasks.json": JSON.stringify({
    master: { tasks: [] },
    web: { tasks: [{ id: "7", title: "Add a basket", details }] },
  }),
  "apps/web/.taskmaster/docs/task-7/task.md": "# Task\n",
  "apps/web/.taskmaster/docs/task-7/prompt.md": "# Prompt\n",
});
const spec = { taskId: 7, tag: "web", workingDirectory: "apps/web", agentName: "rex" };

test("a task is implemented as its agent, in one commit and one pull request", async () => {
  await using lab = await startRunLab(repository());
  await using pod = await lab.implementation(spec);
  const { agent, agentMessage, gateway } = await runPod(pod);
  expect(gateway.delivery).toMatchObject({
    outcome: "Delivered",
    result: { filesChanged: 2, pullRequest: { number: 1 } },
  });
  expect(agent.exitCode).toBe(0);
  expect(agentMessage).toMatchObject({ exitCode: 0, sessionId: expect.any(String) as unknown });
  const branch = gateway.delivery?.result?.branch ?? "";
  const log = await lab.inForge(
    "log",
    "--format=%an|%s|%(trailers:key=Orchestrator-Run,valueonly,separator=%x2C)",
    `main..${branch}`,
  );
  expect(log.trim()).toBe(`rex|Implement task 7: Add a basket|${uidOf("run")}`);
  expect(await lab.file(branch, "apps/web/services/shop/task-7.mjs")).toContain("Task 7: Add a basket");
  expect(lab.forge.pullRequests(repositoryName)).toMatchObject([{ title: "Implement task 7: Add a basket" }]);
});

test("the agent gets the documents of the run's object, and is pointed to those of the repository", async () => {
  await using lab = await startRunLab(repository());
  await using pod = await lab.implementation({
    ...spec,
    markdownFiles: [
      { filename: "task.md", fileType: "task", content: "# The basket holds nine items\n" },
      { filename: "design.md", fileType: "design-spec", content: "# It is round\n" },
    ],
  });
  await runPod(pod);
  const prompt = await readFile(pod.path("/workspace/steps/prompt-7.md"), "utf8");
  expect(prompt).toContain("# Document task.md (task)\n\n# The basket holds nine items");
  expect(prompt).toContain("# Document design.md (design-spec)\n\n# It is round");
  expect(prompt).toContain("apps/web/.taskmaster/docs/task-7/prompt.md");
  expect(prompt).not.toContain("apps/web/.taskmaster/docs/task-7/task.md");
});

test("an agent that changes nothing ends the run as NothingDelivered", async () => {
  await using lab = await startRunLab(repository("[[rehearse:nothing]]"));
  await using pod = await lab.implementation(spec);
  const { agent, agentMessage, gateway } = await runPod(pod);
  expect(agent.exitCode).toBe(1);
  expect(agentMessage.verdict?.reason).toBe("NothingDelivered");
  expect(gateway).not.toHaveProperty("delivery");
  expect(lab.forge.pullRequests(repositoryName)).toEqual([]);
});
