import { expect, test } from "vitest";
import { type PlayedPod, progressOf, type RunningContainer, runPod } from "../support/pod.ts";
import { type LabPodOptions, repositoryName, type RunLab, startRunLab, uidOf } from "../support/run-lab.ts";
import { waitFor } from "../support/wait.ts";

const keptRef = `refs/orchestrator/${uidOf("run")}`;

const repository = (...details: string[]): Record<string, string> => ({
  ".taskmaster/tasks/tasks.json": JSON.stringify({
    tasks: details.map((text, index) => ({ id: index + 1, title: `Task number ${index + 1} of all`, details: text })),
  }),
});

const title = (id: number): string => `Task number ${id} of all`;

/** How the attempt after one of this reason is made. */
const after = (reason: string, message = "it broke off"): LabPodOptions => ({
  attempt: 2,
  resume: { session: true, required: true, previous: { reason, message } },
});

async function startAgent(pod: PlayedPod): Promise<RunningContainer> {
  await pod.openGateway();
  const prepare = await (await pod.start("prepare")).ended;
  expect(prepare).toMatchObject({ exitCode: 0 });
  return await pod.start("agent");
}

async function heldAt(lab: RunLab, text: string): Promise<void> {
  await waitFor(`the model to be asked about ${text}`, async () =>
    lab.model.holds.held(text) > 0 ? { done: true } : { pending: lab.model.requests() },
  );
}

const branchesAndRefs = async (lab: RunLab): Promise<string[]> =>
  (await lab.inForge("for-each-ref", "--format=%(refname)")).trim().split("\n");

const commitsOn = async (lab: RunLab, branch: string): Promise<string[]> =>
  (await lab.inForge("log", "--format=%s", `main..${branch}`)).trim().split("\n");

test("an implementation whose pod was told to stop goes on in the same session, and nothing is paid for twice", async () => {
  await using lab = await startRunLab(repository("Keep items."));
  await using undisturbed = await lab.implementation({}, { name: "other" });
  await runPod(undisturbed);
  const needed = lab.model.requests().total;

  // The module and its test are written, and the model is thinking about what comes next.
  lab.model.holds.hold(title(1), { afterCalls: 3 });
  await using first = await lab.implementation();
  const agent = await startAgent(first);
  await heldAt(lab, title(1));
  agent.signal("SIGTERM");
  const stopped = await agent.ended;
  const told = JSON.parse(stopped.message) as { sessionId: string };
  const report = await first.closeGateway();
  expect(report).toMatchObject({ resumable: true });
  expect(report).not.toHaveProperty("delivery");
  await first[Symbol.asyncDispose]();
  lab.model.holds.release(title(1));

  await using second = await lab.implementation({}, { ...after("PodEvicted"), spent: report.usage });
  const { gateway, agentMessage } = await runPod(second);
  expect(gateway.delivery).toMatchObject({ outcome: "Delivered", result: { filesChanged: 2 } });
  expect(agentMessage.sessionId).toBe(told.sessionId);
  // One question was under way when the pod was stopped, and was asked again.
  expect(lab.model.requests().total).toBe(needed + needed + 1);
  expect(gateway.roundUsage?.turns).toBe(report.usage.turns + gateway.usage.turns);
  const branch = gateway.delivery?.result?.branch ?? "";
  expect(await commitsOn(lab, branch)).toEqual([`Implement task 1: ${title(1)}`]);
});

test("documents that were done when the node was lost are not written again", async () => {
  await using lab = await startRunLab(repository("a", "b", "c"));
  lab.model.holds.hold(title(3), { afterCalls: 1 });
  await using first = await lab.docs({ parallelism: 1 });
  await startAgent(first);
  await heldAt(lab, title(3));
  await waitFor("the second task's documents to be kept", async () => {
    const files = await lab.inForge("ls-tree", "-r", "--name-only", `${keptRef}^`);
    return files.includes("task-2/source.json") ? { done: files } : { pending: files };
  });
  const paid = lab.model.requests().byTask;
  await first[Symbol.asyncDispose]();
  lab.model.holds.release(title(3));

  await using second = await lab.docs({ parallelism: 1 }, after("NodeLost"));
  const { gateway, progress } = await runPod(second);
  expect(progress.filter(({ step }) => step === "session").map(({ task }) => task)).toEqual([3]);
  expect(lab.model.requests().byTask).toMatchObject({ [title(1)]: paid[title(1)], [title(2)]: paid[title(2)] });
  expect(gateway.delivery).toMatchObject({
    outcome: "Delivered",
    tasks: { delivered: "1-3" },
    result: { filesChanged: 12, pullRequest: { number: 1 } },
  });
  // What the lost attempt used is known from what it had handed in.
  expect(gateway.roundUsage?.turns).toBeGreaterThan(gateway.usage.turns);
  expect(await commitsOn(lab, gateway.delivery?.result?.branch ?? "")).toEqual(["Write documents for tasks 1-3"]);
  expect(await branchesAndRefs(lab)).not.toContain(keptRef);
});

test("a retry works on the tasks alone that failed, and brings the pull request up to date", async () => {
  const details = Array.from({ length: 6 }, (_, index) =>
    [1, 3].includes(index) ? "[[rehearse:no-files-at-first]]" : "a",
  );
  await using lab = await startRunLab(repository(...details));
  await using first = await lab.docs({ parallelism: 4 });
  const one = await runPod(first);
  expect(one.gateway.delivery).toMatchObject({
    outcome: "IncompleteDocs",
    tasks: { delivered: "1,3,5-6", failed: "2,4" },
  });
  expect(one.gateway).toMatchObject({ resumable: true });
  expect(one.agentMessage.failedTasks).toMatchObject([
    { id: 2, reason: "IncompleteDocs" },
    { id: 4, reason: "IncompleteDocs" },
  ]);
  await first[Symbol.asyncDispose]();
  const before = lab.model.requests().byTask;

  await using second = await lab.docs({ parallelism: 4 }, after("IncompleteDocs", one.agentMessage.verdict?.message));
  const two = await runPod(second);
  expect(two.gateway.delivery).toMatchObject({
    outcome: "Delivered",
    tasks: { delivered: "1-6" },
    result: { pullRequest: { number: 1 }, filesChanged: 24 },
  });
  const asked = Object.entries(lab.model.requests().byTask).filter(([task, count]) => count !== before[task]);
  expect(asked.map(([task]) => task).toSorted()).toEqual([title(2), title(4)]);
  const [pullRequest] = lab.forge.pullRequests(repositoryName);
  expect(pullRequest).toMatchObject({ title: "Write documents for tasks 1-6" });
  expect(pullRequest?.body).toContain(`- 4: ${title(4)}`);
  expect(pullRequest?.body).not.toContain("Not complete");
  expect(await commitsOn(lab, two.gateway.delivery?.result?.branch ?? "")).toHaveLength(2);
});

test("where the forge broke off after the push, the next attempt needs no agent", async () => {
  await using lab = await startRunLab(repository("a"));
  lab.forge.faults = { pullRequestStatus: 500 };
  await using first = await lab.implementation();
  const one = await runPod(first);
  expect(one.gateway).toMatchObject({ verdict: { reason: "ForgeUnavailable" }, resumable: true });
  await first[Symbol.asyncDispose]();
  const paid = lab.model.requests().total;
  lab.forge.faults = {};

  await using second = await lab.implementation({}, after("ForgeUnavailable"));
  const { agent, gateway, progress } = await runPod(second);
  expect(agent.exitCode).toBe(0);
  expect(gateway.delivery).toMatchObject({ outcome: "Delivered", result: { pullRequest: { number: 1 } } });
  expect(lab.model.requests().total).toBe(paid);
  expect(progress.filter(({ step }) => step === "session")).toEqual([]);
  expect(lab.forge.pullRequests(repositoryName)).toMatchObject([{ title: `Implement task 1: ${title(1)}` }]);
  expect(await commitsOn(lab, gateway.delivery?.result?.branch ?? "")).toHaveLength(1);
});

test("where the forge broke off before the push, the next attempt hands in the same work once", async () => {
  await using lab = await startRunLab(repository("a"));
  await using first = await lab.implementation();
  const agent = await startAgent(first);
  await waitFor("the work to be kept", async () => {
    const told = progressOf(agent.stdout());
    if (!told.some(({ message }) => message === "The work so far is kept")) return { pending: told };
    return { done: true };
  });
  await first[Symbol.asyncDispose]();
  const paid = lab.model.requests().total;

  await using second = await lab.implementation({}, after("NodeLost"));
  const { gateway } = await runPod(second);
  expect(gateway.delivery).toMatchObject({ outcome: "Delivered", result: { filesChanged: 2 } });
  // The session was over; it is asked once whether there is anything left to do.
  expect(lab.model.requests().total).toBeLessThanOrEqual(paid + 1);
  expect(lab.forge.pullRequests(repositoryName)).toHaveLength(1);
  expect(await commitsOn(lab, gateway.delivery?.result?.branch ?? "")).toHaveLength(1);
});

test("a round that changes nothing delivers nothing, whatever the round before has delivered", async () => {
  await using lab = await startRunLab(repository("a"));
  await using first = await lab.implementation();
  await runPod(first);
  await first[Symbol.asyncDispose]();
  const tasks = { tasks: [{ id: 1, title: title(1), details: "[[rehearse:nothing]]" }] };
  const given = { filename: "task.md", fileType: "task" as const, content: JSON.stringify(tasks) };
  const options = { attempt: 2, round: 2, resume: { session: true, required: false } };
  await using second = await lab.implementation({ contextVersion: 2, markdownFiles: [given] }, options);
  const { agentMessage, gateway } = await runPod(second);
  expect(agentMessage.verdict).toMatchObject({ reason: "NothingDelivered" });
  expect(gateway).not.toHaveProperty("delivery");
});
