import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { progressOf, runPod } from "../support/pod.ts";
import { type RunLab, startRunLab } from "../support/run-lab.ts";
import { waitFor } from "../support/wait.ts";

const repository = (...details: string[]): Record<string, string> => ({
  ".taskmaster/tasks/tasks.json": JSON.stringify({
    tasks: details.map((text, index) => ({ id: index + 1, title: `Task number ${index + 1}`, details: text })),
  }),
});

/** A program in place of the agent CLI. */
async function program(script: string): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "program-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "claude");
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return { "/usr/local/bin/claude": path };
}

const kinds = {
  docs: (lab: RunLab, programs: Record<string, string | null>) => lab.docs({}, { programs }),
  implementation: (lab: RunLab, programs: Record<string, string | null>) => lab.implementation({}, { programs }),
};

test.each(Object.entries(kinds))(
  "an image without the agent ends a run of kind %s as AgentMissing",
  async (_kind, start) => {
    await using lab = await startRunLab(repository("a", "b"));
    await using pod = await start(lab, { "/usr/local/bin/claude": null });
    const { agent, agentMessage, gateway } = await runPod(pod);
    expect(agent.exitCode).toBe(1);
    expect(agentMessage.verdict).toEqual({
      reason: "AgentMissing",
      message: expect.stringContaining("The image has no program claude that can be started") as unknown,
    });
    expect(gateway).not.toHaveProperty("delivery");
  },
);

test.each(Object.entries(kinds))(
  "an agent that says nothing ends a run of kind %s as NoResult",
  async (_kind, start) => {
    await using lab = await startRunLab(repository("a"));
    await using pod = await start(lab, await program("cat > /dev/null; echo not JSON; echo broken >&2; exit 7"));
    const { agentMessage, gateway } = await runPod(pod);
    expect(agentMessage).toMatchObject({
      exitCode: 7,
      verdict: { reason: "NoResult", message: "The agent ended without a result (exit code 7): broken" },
    });
    expect(gateway).not.toHaveProperty("delivery");
  },
);

test("an agent that did not take its settings is stopped, and the run ends as SettingsRejected", async () => {
  await using lab = await startRunLab(repository("a"));
  const init = JSON.stringify({ type: "system", subtype: "init", session_id: "s", permissionMode: "default" });
  await using pod = await lab.docs({}, { programs: await program(`echo '${init}'; sleep 1000`) });
  const { agentMessage } = await runPod(pod);
  expect(agentMessage.verdict).toMatchObject({
    reason: "SettingsRejected",
    message: expect.stringContaining("permission mode default, but its settings say dontAsk") as unknown,
  });
});

test("a key that the provider refuses is not tried again by the agent, nor by later sessions", async () => {
  await using lab = await startRunLab(repository("[[rehearse:http-401]]", "a", "b"));
  await using pod = await lab.docs({ parallelism: 1 });
  const { agentMessage, gateway } = await runPod(pod);
  expect(gateway.verdict).toMatchObject({ reason: "ModelAuthFailed" });
  expect(agentMessage.failedTasks).toMatchObject([1, 2, 3].map((id) => ({ id, reason: "ModelAuthFailed" })));
  expect(lab.model.requests().byTask).toEqual({ "Task number 1": 1 });
});

test("an agent that takes too long ends the run as AgentTimedOut, complete documents are delivered", async () => {
  await using lab = await startRunLab(repository("a", "[[rehearse:hang]]"));
  await using pod = await lab.docs({ timeout: "25s" });
  const { agentMessage, gateway } = await runPod(pod);
  expect(gateway.delivery).toMatchObject({ outcome: "IncompleteDocs", tasks: { delivered: "1", failed: "2" } });
  expect(agentMessage.failedTasks).toMatchObject([{ id: 2, reason: "AgentTimedOut" }]);
});

test("a pod that is told to stop ends its agents and still reports", async () => {
  await using lab = await startRunLab(repository("[[rehearse:hang]]", "a"));
  await using pod = await lab.docs({ parallelism: 1 });
  await pod.openGateway();
  expect((await (await pod.start("prepare")).ended).exitCode).toBe(0);
  const agent = await pod.start("agent");
  await waitFor("the session to start", async () =>
    progressOf(agent.stdout()).some(({ step }) => step === "session") ? { done: true } : { pending: agent.stdout() },
  );
  agent.signal("SIGTERM");
  const end = await agent.ended;
  expect(end.exitCode).toBe(1);
  const message: unknown = JSON.parse(end.message);
  expect(message).toMatchObject({ version: 1, exitCode: 143 });
  expect(message).not.toHaveProperty("verdict");
  expect(progressOf(end.stdout).filter(({ step }) => step === "session")).toHaveLength(1);
  expect(progressOf(end.stdout).at(-1)).toMatchObject({ step: "report" });
});
