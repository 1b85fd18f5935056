import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { RunInputs } from "@orchestrator/core/pure";
import { describe, expect, it } from "vitest";
import { prepare } from "../prepare/prepare.ts";
import { needStepFile, readStepFile, type SessionRecord, stepFiles } from "../steps/step-files.ts";
import { Repository } from "../steps/repository.ts";
import { backlog, docsInputs, implementationInputs, settings, startStepLab, type StepLab } from "../steps/step-lab.ts";
import { run } from "./run.ts";

const init = { type: "system", subtype: "init", permissionMode: "dontAsk", model: "m", claude_code_version: "2.1.330" };
const result = { type: "result", subtype: "success", is_error: false, total_cost_usd: 0.25 };
const says = (...messages: object[]): string =>
  messages.map((message) => `echo '${JSON.stringify(message)}'`).join("\n");
/** Leaves a transcript as the agent CLI does; its id is the last argument. */
const transcribes = `for last; do :; done
mkdir -p "$CLAUDE_CONFIG_DIR/projects/-workspace"
echo '{}' > "$CLAUDE_CONFIG_DIR/projects/-workspace/\${last#*=}.jsonl"`;
/** Writes the task's documents as a docs session would. */
const writes = `folder=.taskmaster/docs/task-$ORCHESTRATOR_TASK_ID
mkdir -p $folder
for name in task prompt acceptance-criteria; do echo "# $name" > $folder/$name.md; done`;

async function prepared(inputs: RunInputs, files = backlog(1, 2, 3)): Promise<StepLab> {
  const lab = await startStepLab({ inputs, files });
  expect(await prepare(lab.options())).toBe(0);
  return lab;
}

async function runWith(lab: StepLab, script: string, changes: Parameters<StepLab["options"]>[0] = {}) {
  const command = await lab.program(`#!/bin/sh\ncat > /dev/null\n${script}\n`);
  const exitCode = await run({ ...lab.options(changes), command, resultGraceMs: 50 });
  const records = await needStepFile(lab.paths, stepFiles.sessions);
  return { exitCode, records, verdict: await readStepFile(lab.paths, stepFiles.verdict) };
}

const reasons = (records: readonly SessionRecord[]) => records.map(({ taskId, verdict }) => [taskId, verdict?.reason]);

describe("the sessions of a docs run", () => {
  it("are one for each task, and complete documents are marked with the task's text", async () => {
    await using lab = await prepared(docsInputs());
    const { exitCode, records, verdict } = await runWith(lab, `${says(init)}\n${writes}\n${says(result)}`);
    expect(exitCode).toBe(0);
    expect(verdict).toBeUndefined();
    expect(records).toHaveLength(3);
    expect(records[1]).toMatchObject({
      taskId: 2,
      interrupted: false,
      exitCode: 0,
      agentVersion: "2.1.330",
      costUsd: 0.25,
    });
    const source = await readFile(join(lab.paths.repository, ".taskmaster/docs/task-2/source.json"), "utf8");
    const plan = await needStepFile(lab.paths, stepFiles.plan);
    expect(JSON.parse(source)).toEqual({ hash: plan.sessions[1]?.hash, format: "Markdown", run: docsInputs().uid });
    const told = lab.progress().findLast(({ step }) => step === "task");
    expect(told).toMatchObject({ step: "task", tasksDone: 3, tasksTotal: 3, costUsd: 0.75 });
  });

  it("are all on record, however many end at once", async () => {
    const ids = Array.from({ length: 24 }, (_, index) => index + 1);
    await using lab = await prepared(docsInputs({ parallelism: 16 }), backlog(...ids));
    const { records } = await runWith(lab, says(init, result));
    expect(records.map(({ taskId }) => taskId)).toEqual(ids);
  });

  it("fail where documents are missing, though the agent says it succeeded", async () => {
    await using lab = await prepared(docsInputs());
    const script = `[ $ORCHESTRATOR_TASK_ID = 2 ] || { ${writes}\n}\n${says(init, result)}`;
    const { exitCode, records, verdict } = await runWith(lab, script);
    expect(exitCode).toBe(1);
    expect(reasons(records)).toEqual([
      [1, undefined],
      [2, "IncompleteDocs"],
      [3, undefined],
    ]);
    expect(verdict?.message).toMatch(/^Failed tasks: 2; task 2: IncompleteDocs: .*task-2\/task\.md: it is missing/);
  });

  it("are not started any more when the settings were not taken", async () => {
    await using lab = await prepared(docsInputs({ parallelism: 1 }));
    const { records, verdict } = await runWith(lab, `${says({ ...init, permissionMode: "default" })}\nsleep 1000`);
    expect(reasons(records)).toEqual([1, 2, 3].map((id) => [id, "SettingsRejected"]));
    expect(verdict?.reason).toBe("SettingsRejected");
    expect(lab.progress().filter(({ step }) => step === "session")).toHaveLength(1);
  });

  it("are not begun any more when the provider asks to wait, and those at work go on", async () => {
    await using lab = await prepared(docsInputs({ parallelism: 1 }));
    const limited = { ...result, is_error: true, api_error_status: 429 };
    const { records } = await runWith(lab, says(init, limited));
    expect(reasons(records)).toEqual([1, 2, 3].map((id) => [id, "RateLimited"]));
    expect(lab.progress().filter(({ step }) => step === "session")).toHaveLength(1);
  });

  it("hand in each task that is done, and at the end what is not", async () => {
    await using lab = await prepared(docsInputs({ parallelism: 1 }));
    await runWith(lab, `[ $ORCHESTRATOR_TASK_ID = 3 ] || { ${writes}\n}\n${transcribes}\n${says(init, result)}`);
    const kept = await Promise.all(
      lab.handIns.map(async ({ commit }) => await lab.inGateway("ls-tree", "-r", "--name-only", commit)),
    );
    const count = (text: string) => kept.map((files) => files.split("\n").filter((file) => file.includes(text)).length);
    expect(count("task-1/")).toEqual([4, 4, 4]);
    expect(count("task-2/")).toEqual([0, 4, 4]);
    expect(count("README")).toEqual([0, 0, 0]);
    // Sessions of tasks that are done need not go on.
    const records = await needStepFile(lab.paths, stepFiles.sessions);
    expect(lab.handIns.at(-1)?.transcripts.map(({ sessionId }) => sessionId)).toEqual([records[2]?.sessionId]);
    expect(await lab.inGateway("rev-parse", "refs/orchestrator/work")).toBe(lab.handIns.at(-1)?.commit);
  });

  it("are none when there is nothing to be done", async () => {
    await using lab = await prepared(docsInputs(), backlog());
    expect(await runWith(lab, "exit 9")).toEqual({ exitCode: 0, records: [], verdict: undefined });
  });

  it("end when the pod is told to stop, and later ones do not start", async () => {
    await using lab = await prepared(docsInputs({ parallelism: 1 }));
    const signal = AbortSignal.timeout(500);
    const { exitCode, records, verdict } = await runWith(lab, `${says(init)}\nsleep 1000`, { signal });
    expect(exitCode).toBe(143);
    expect(verdict).toBeUndefined();
    expect(records.map(({ interrupted }) => interrupted)).toEqual([true, true, true]);
    expect(lab.handIns).toHaveLength(1);
    const stopped = await runWith(lab, "exit 9", { signal: AbortSignal.abort() });
    expect(stopped).toMatchObject({ exitCode: 143, records: [{ turns: 0 }, { turns: 0 }, { turns: 0 }] });
  });
});

describe("the session of an implementation", () => {
  it("works in the repository, with the prompt as its input and without a task to ask for", async () => {
    await using lab = await startStepLab({ inputs: implementationInputs(), files: backlog(1) });
    await prepare(lab.options());
    const command = await lab.program(
      `#!/bin/sh\ncat > given; pwd > where; echo "[$ORCHESTRATOR_TASK_ID]" > task\n${says(init, result)}\n`,
    );
    expect(await run({ ...lab.options(), command })).toBe(0);
    const read = (name: string) => readFile(join(lab.paths.repository, name), "utf8");
    expect(await read("given")).toBe(await readFile(join(lab.paths.steps, "prompt-1.md"), "utf8"));
    expect((await read("where")).trim()).toBe(lab.paths.repository);
    expect(await read("task")).toBe("[]\n");
  });

  it.each([
    ["no program", "", "AgentMissing"],
    ["no result", "exit 3", "NoResult"],
    ["an error", says({ ...result, is_error: true, api_error_status: 400 }), "AgentError"],
  ])("fails with %s", async (name, script, reason) => {
    await using lab = await prepared(implementationInputs());
    const given = lab.options();
    const command = name === "no program" ? join(lab.paths.home, "none") : await lab.program(`#!/bin/sh\n${script}\n`);
    expect(await run({ ...given, command })).toBe(1);
    await expect(readStepFile(lab.paths, stepFiles.verdict)).resolves.toMatchObject({ reason });
  });

  it("is over when it has given its result, also where it does not exit", async () => {
    await using lab = await prepared(implementationInputs());
    const { exitCode, records } = await runWith(lab, `${says(init, result)}\nsleep 1000`);
    expect(exitCode).toBe(0);
    expect(records).toMatchObject([{ costUsd: 0.25 }]);
  });

  it("is stopped at the time limit", async () => {
    await using lab = await prepared(implementationInputs({ timeoutSeconds: 0.3 }));
    const { exitCode, verdict } = await runWith(lab, "sleep 1000");
    expect(exitCode).toBe(1);
    expect(verdict).toMatchObject({
      reason: "AgentTimedOut",
      message: expect.stringContaining("after 0.3 s") as unknown,
    });
  });

  it("is stopped when it gives no output for too long, and its work is handed in", async () => {
    await using lab = await prepared(implementationInputs({ stallTimeoutSeconds: 1 }));
    const script = `echo mine > new.txt; git add new.txt; for i in 1 2 3 4; do echo $i; sleep 0.5; done; sleep 1000`;
    const { exitCode, records } = await runWith(lab, script);
    expect(exitCode).toBe(1);
    expect(reasons(records)).toEqual([[1, "Stalled"]]);
    expect(await lab.inGateway("show", `${lab.handIns.at(-1)?.commit}:new.txt`)).toBe("mine");
    // The agent's own index is as it was.
    const tree = new Repository({ ...lab.options(), directory: lab.paths.repository });
    expect(await tree.git(["status", "--porcelain"])).toBe("A  new.txt");
  });

  it("goes on working where handing in fails, and the log says why", async () => {
    await using lab = await prepared(implementationInputs());
    await lab.inGateway("config", "http.receivepack", "false");
    expect(await runWith(lab, says(init, result))).toMatchObject({ exitCode: 0 });
    expect(lab.progress().at(-1)?.message).toMatch(/^The work so far is not kept: git push failed: /);
  });

  it("has the turns that the round's budget leaves it", async () => {
    const spent = { ...implementationInputs().spent, turns: 3 };
    for (const [maxTurns, left] of [
      [10, "7"],
      [2, "1"],
    ] as const) {
      await using lab = await prepared(implementationInputs({ budget: { maxTurns }, spent }));
      await runWith(lab, `echo "$@" > arguments\n${says(result)}`);
      expect(await readFile(join(lab.paths.repository, "arguments"), "utf8")).toContain(` --max-turns=${left} `);
    }
  });

  it("is asked again in the same session to mend what a verification finds", async () => {
    await using lab = await prepared(implementationInputs({ verify: ["test -f mended", "true"] }));
    const answer = { type: "assistant", message: { id: "m", content: [] } };
    const script = `for last; do :; done; echo "$last" >> sessions; [ -f first ] && touch mended; touch first`;
    const { exitCode, records } = await runWith(lab, `${script}\n${says(init, answer, result)}`);
    expect(exitCode).toBe(0);
    const [id] = records.map(({ sessionId }) => sessionId);
    const sessions = await readFile(join(lab.paths.repository, "sessions"), "utf8");
    expect(sessions).toBe(`--session-id=${id}\n--resume=${id}\n`);
    expect(records).toMatchObject([{ turns: 2 }]);
    const prompt = await readFile(join(lab.paths.steps, "mend-1.md"), "utf8");
    expect(prompt).toContain("The command `test -f mended` of spec.verify ended with exit code 1");
  });

  it.each([
    ["mends it in vain", says(init, result), undefined, 4],
    [
      "has no turns left to mend it",
      says(init, { type: "assistant", message: { id: "m", content: [] } }, result),
      { maxTurns: 1 },
      1,
    ],
    [
      "meets the cap on the way",
      `if [ -f first ]; then ${says({ ...result, is_error: true, api_error_status: 402, result: "BudgetExceeded: m" })}\nelse touch first; ${says(init, result)}\nfi`,
      { maxCostUsd: "1" },
      1,
    ],
  ])("fails by the end of the output where it %s", async (_how, script, budget, checks) => {
    const verify = ["echo . >> ../checks; seq 1000; exit 5"];
    await using lab = await prepared(implementationInputs({ verify, ...(budget && { budget }) }));
    const { exitCode, verdict } = await runWith(lab, script);
    expect(exitCode).toBe(1);
    expect(verdict?.reason).toBe("VerificationFailed");
    expect(verdict?.message).toMatch(/ended with exit code 5:[\s\S]*\n999\n1000$/);
    expect(await readFile(join(lab.paths.repository, "../checks"), "utf8")).toBe(".\n".repeat(checks));
  });

  it("is stopped in its verification at the time limit", async () => {
    await using lab = await prepared(implementationInputs({ timeoutSeconds: 1, verify: ["sleep 1000"] }));
    expect(await runWith(lab, says(init, result))).toMatchObject({ exitCode: 1, verdict: { reason: "AgentTimedOut" } });
  });

  it("has the time that it was given, however long", async () => {
    await using lab = await prepared(implementationInputs({ timeoutSeconds: 60 * 60 * 24 * 365 }));
    expect(await runWith(lab, `sleep 0.1\n${says(init, result)}`)).toMatchObject({ exitCode: 0 });
  });

  it("gets the run's MCP servers", async () => {
    await using lab = await startStepLab({
      inputs: implementationInputs(),
      files: backlog(1),
      config: { "mcp-servers.json": "{}" },
    });
    await prepare(lab.options());
    await runWith(lab, `echo "$@" > arguments\n${says(result)}`);
    const given = await readFile(join(lab.paths.repository, "arguments"), "utf8");
    expect(given).toContain(`--mcp-config=${join(lab.paths.inputs, "mcp-servers.json")}`);
  });

  it("does not start with settings that the agent would drop", async () => {
    await using lab = await prepared(implementationInputs());
    const file = join(lab.paths.claudeConfig, "settings.json");
    await writeFile(file, JSON.stringify({ ...settings, cleanupPeriodDays: 0 }));
    expect(await run(lab.options())).toBe(1);
    await expect(readStepFile(lab.paths, stepFiles.verdict)).resolves.toMatchObject({ reason: "SettingsRejected" });
  });
});
