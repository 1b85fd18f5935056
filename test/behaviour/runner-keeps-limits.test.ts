import { readFile } from "node:fs/promises";
import { noUsage } from "@orchestrator/core";
import { expect, test } from "vitest";
import { runPod } from "../support/pod.ts";
import { repositoryName, startRunLab } from "../support/run-lab.ts";
import { waitFor } from "../support/wait.ts";

const repository = (...details: string[]): Record<string, string> => ({
  ".taskmaster/tasks/tasks.json": JSON.stringify({
    tasks: details.map((text, index) => ({ id: index + 1, title: `Task number ${index + 1}`, details: text })),
  }),
});

test("an agent that gives no sign of life is stopped, and its work is kept", async () => {
  await using lab = await startRunLab(repository("[[rehearse:hang]]"));
  await using pod = await lab.implementation({ stallTimeout: "8s" });
  const { agentMessage, gateway } = await runPod(pod);
  expect(agentMessage.verdict).toEqual({
    reason: "Stalled",
    message: "The agent gave no output for 8 s",
  });
  expect(gateway).toMatchObject({ resumable: true });
});

test("an agent that has taken its turns is stopped by its own limit, and nothing more is asked", async () => {
  await using lab = await startRunLab(repository("[[rehearse:many-turns]]"));
  await using pod = await lab.implementation({ budget: { maxTurns: 3 } });
  const { agentMessage, gateway } = await runPod(pod);
  expect(agentMessage.verdict).toMatchObject({ reason: "MaxTurnsReached" });
  expect(gateway).toMatchObject({ verdict: { reason: "MaxTurnsReached", final: true }, usage: { turns: 3 } });
  expect(lab.model.requests().total).toBe(3);
});

test("the turns of a round are shared by the sessions of all its tasks", async () => {
  await using lab = await startRunLab(repository("[[rehearse:many-turns]]", "[[rehearse:many-turns]]", "a", "b"));
  await using pod = await lab.docs({ budget: { maxTurns: 10 }, parallelism: 2 });
  const { agentMessage, gateway } = await runPod(pod);
  expect(gateway.verdict).toMatchObject({ reason: "MaxTurnsReached" });
  // Two sessions were at work: one answer may have been under way when the limit was met.
  expect(gateway.usage.turns).toBeGreaterThanOrEqual(10);
  expect(gateway.usage.turns).toBeLessThanOrEqual(11);
  expect(lab.model.requests().total).toBe(gateway.usage.turns);
  expect(agentMessage.failedTasks).toMatchObject([1, 2, 3, 4].map((id) => ({ id, reason: "MaxTurnsReached" })));
});

test("at the cap of its cost a run is stopped at once, and complete documents are delivered", async () => {
  await using lab = await startRunLab(repository("a", "[[rehearse:many-turns]]", "b"));
  await using pod = await lab.docs({ budget: { maxCostUsd: "0.2" }, parallelism: 1 });
  const { agentMessage, gateway } = await runPod(pod);
  expect(gateway).toMatchObject({
    verdict: { reason: "BudgetExceeded", message: expect.stringContaining("spec.budget.maxCostUsd is 0.2") as unknown },
    delivery: { outcome: "IncompleteDocs", tasks: { delivered: "1", failed: "2-3" } },
  });
  expect(agentMessage.failedTasks).toMatchObject([
    { id: 2, reason: "BudgetExceeded" },
    { id: 3, reason: "BudgetExceeded" },
  ]);
  expect(lab.model.requests().byTask).not.toHaveProperty("Task number 3");
  expect(lab.model.requests().total).toBe(gateway.usage.turns);
});

test("a cap met in a second attempt counts the first, and what is over it is what was in flight", async ({
  annotate,
}) => {
  await using lab = await startRunLab(repository("a", "b", "c", "d", "e"));
  lab.model.holds.hold("Task number");
  const spent = { ...noUsage, turns: 12, costUsd: "0.90" };
  const cap = 0.91;
  await using pod = await lab.docs({ budget: { maxCostUsd: String(cap) }, parallelism: 4 }, { attempt: 2, spent });
  const ending = runPod(pod);
  await waitFor("four sessions to ask the model", async () =>
    lab.model.holds.held("Task number") === 4 ? { done: true } : { pending: lab.model.requests() },
  );
  lab.model.holds.release("Task number");
  const { gateway } = await ending;
  expect(gateway).toMatchObject({ verdict: { reason: "BudgetExceeded" }, usage: { turns: 4 } });
  expect(lab.model.requests().total).toBe(4);
  const [cost, ofRound] = [Number(gateway.usage.costUsd), Number(gateway.roundUsage?.costUsd)];
  expect(ofRound).toBeCloseTo(0.9 + cost);
  // The first answer met the cap; three more were under way.
  expect(ofRound - cap).toBeGreaterThan(0);
  expect(ofRound - cap).toBeLessThan(cost);
  await annotate(`over the cap of $${cap} with 4 sessions in flight: $${(ofRound - cap).toFixed(4)} of $${cost}`);
});

test("a model without a known price is not asked where the cost is limited", async () => {
  await using lab = await startRunLab(repository("a"));
  await using pod = await lab.implementation({ model: "house-model-1", budget: { maxCostUsd: "5" } });
  const { agentMessage, gateway } = await runPod(pod);
  expect(gateway).toMatchObject({ verdict: { reason: "InvalidInput" }, usage: { turns: 0 } });
  expect(agentMessage.verdict).toMatchObject({ reason: "InvalidInput" });
  expect(lab.model.requests().total).toBe(0);
});

test("a provider that asks to wait ends the attempt at once, with the work kept and no session begun in vain", async () => {
  await using lab = await startRunLab(repository("[[rehearse:http-429]]", "a"));
  await using pod = await lab.docs({ parallelism: 1 });
  const { gateway, agentMessage } = await runPod(pod);
  expect(gateway).toMatchObject({ verdict: { reason: "RateLimited" }, retryAfterSeconds: 120, resumable: true });
  expect(agentMessage.failedTasks).toMatchObject([1, 2].map((id) => ({ id, reason: "RateLimited" })));
  expect(lab.model.requests().total).toBe(1);
});

test("a verification that fails goes back to the same session, and what passes is delivered", async () => {
  await using lab = await startRunLab(repository("[[rehearse:fails-verification-at-first]]"));
  const verify = ["true", "echo tried >> /workspace/tries; test -f services/shop/checked.txt"];
  await using pod = await lab.implementation({ verify });
  const { agent, gateway, progress } = await runPod(pod);
  expect(agent.exitCode).toBe(0);
  expect(gateway.delivery).toMatchObject({ outcome: "Delivered", result: { filesChanged: 3 } });
  expect(await readFile(pod.path("/workspace/tries"), "utf8")).toBe("tried\ntried\n");
  expect(progress.filter(({ step }) => step === "session")).toHaveLength(2);
  const failures = progress.filter(({ step, message }) => step === "verify" && message.includes("exit code 1"));
  expect(failures).toHaveLength(1);
});

test("work that does not pass in three more tries is not delivered, and the end of the output is told", async () => {
  await using lab = await startRunLab(repository("a"));
  const verify = ["echo tried >> /workspace/tries; echo expected nine items; exit 4"];
  await using pod = await lab.implementation({ verify });
  const { agent, agentMessage, gateway } = await runPod(pod);
  expect(agent.exitCode).toBe(1);
  expect(agentMessage.verdict).toMatchObject({ reason: "VerificationFailed" });
  expect(agentMessage.verdict?.message).toMatch(/ended with exit code 4:\nexpected nine items$/);
  expect((await readFile(pod.path("/workspace/tries"), "utf8")).trim().split("\n")).toHaveLength(4);
  expect(gateway).toMatchObject({ resumable: true });
  expect(gateway).not.toHaveProperty("delivery");
  expect(lab.forge.pullRequests(repositoryName)).toEqual([]);
});
