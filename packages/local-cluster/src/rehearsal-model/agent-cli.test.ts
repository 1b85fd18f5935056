import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { costUsd, formatTaskBlock, type TaskBlock } from "@orchestrator/core/pure";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { agentCliPath } from "../agent-cli.ts";
import { type RehearsalModel, startRehearsalModel } from "./rehearsal-model.ts";

const execute = promisify(execFile);

let home: string;
let repository: string;
let model: RehearsalModel;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "rehearsal-"));
  repository = join(home, "repository");
  await execute("git", ["init", "-q", repository]);
  await mkdir(join(home, "tmp"));
  model = await startRehearsalModel();
});
afterEach(async () => {
  await model.close();
  await rm(home, { recursive: true });
});

interface ModelUsage {
  inputTokens: number;
  outputTokens: number;
  cacheReadInputTokens: number;
  cacheCreationInputTokens: number;
  costUSD: number;
  costBasis: string;
}

interface Result {
  is_error: boolean;
  result: string;
  modelUsage: Record<string, ModelUsage>;
  permission_denials: unknown[];
}

/** A session of the real agent CLI with the rehearsal model. */
async function session(block: TaskBlock, alias: string): Promise<{ code: number | null; result: Result | undefined }> {
  const options = ["-p", "--output-format", "json", "--setting-sources", "", "--model", alias];
  const child = spawn(agentCliPath(), [...options, "--permission-mode", "acceptEdits", "--allowedTools", "Bash"], {
    cwd: repository,
    env: {
      // Commands of the agent find the Node that runs this.
      PATH: `${join(process.execPath, "..")}:/usr/bin:/bin`,
      HOME: home,
      CLAUDE_CONFIG_DIR: join(home, ".claude"),
      CLAUDE_CODE_TMPDIR: join(home, "tmp"),
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      CLAUDE_CODE_MAX_RETRIES: "1",
      ANTHROPIC_BASE_URL: model.url,
      ANTHROPIC_API_KEY: "any",
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(`# Do it\n\n${formatTaskBlock(block)}\n`);
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "close") as Promise<[number | null]>]);
  return { code, result: output === "" ? undefined : (JSON.parse(output) as Result) };
}

const task = { id: 7, title: "Sort <the> {list}", description: "Sort it." };
const docs = (format: "Markdown" | "MDX" | "AsciiDoc", extension: string): TaskBlock => ({
  kind: "DocsGenerationRun",
  task,
  files: {
    task: `app/.taskmaster/docs/task-7/task.${extension}`,
    prompt: `app/.taskmaster/docs/task-7/prompt.${extension}`,
    acceptanceCriteria: `app/.taskmaster/docs/task-7/acceptance-criteria.${extension}`,
  },
  format,
});
const implementation: TaskBlock = {
  kind: "TaskImplementationRun",
  task,
  serviceName: "billing",
  workingDirectory: "app",
  documents: [],
};

describe("the real agent CLI", () => {
  it.each([
    { format: "Markdown", extension: "md", title: "# Task 7: Sort the list\n" },
    { format: "MDX", extension: "mdx", title: "# Task 7: Sort the list\n" },
    { format: "AsciiDoc", extension: "adoc", title: "= Task 7: Sort the list\n" },
  ] as const)("writes the three documents of a task in $format", async ({ format, extension, title }) => {
    const block = docs(format, extension);
    const { code, result } = await session(block, "opus");
    expect({ code, isError: result?.is_error, denials: result?.permission_denials }).toEqual({
      code: 0,
      isError: false,
      denials: [],
    });
    const contents = await Promise.all(
      Object.values(block.kind === "DocsGenerationRun" ? block.files : {}).map((path) =>
        readFile(join(repository, path), "utf8"),
      ),
    );
    expect(contents[0]?.startsWith(title)).toBe(true);
    for (const content of contents) expect(content).toContain("no real model was asked");
    expect(model.requests()).toEqual({ total: 3, byTask: { [task.title]: 3 } });
  });

  it("implements a task with a test that passes", async () => {
    const { code } = await session(implementation, "sonnet");
    expect(code).toBe(0);
    const test = join(repository, "app/services/billing/task-7.test.mjs");
    await execute(process.execPath, ["--test", test], { env: {} });
    expect(model.requests().total).toBe(4);
  });

  it.each(["opus", "sonnet", "haiku", "claude-opus-4-5", "claude-sonnet-4-5"])(
    "states the cost of a session with %s as our own prices do",
    async (alias) => {
      const { result } = await session(docs("Markdown", "md"), alias);
      const usages = Object.entries(result?.modelUsage ?? {});
      expect(usages).toHaveLength(1);
      for (const [id, usage] of usages) {
        const { cacheReadInputTokens: cacheReadTokens, cacheCreationInputTokens: cacheCreationTokens } = usage;
        expect(usage.costBasis).toBe("list");
        expect(Number(costUsd({ ...usage, cacheReadTokens, cacheCreationTokens }, id))).toBeCloseTo(usage.costUSD, 9);
      }
    },
  );

  it.each([
    { scenario: "http-401", said: /401/ },
    { scenario: "http-429", said: /429/ },
  ])("fails on $scenario", async ({ scenario, said }) => {
    const { code, result } = await session(
      { ...implementation, task: { ...task, title: `[[rehearse:${scenario}]]` } },
      "sonnet",
    );
    expect({ code, isError: result?.is_error }).toEqual({ code: 1, isError: true });
    expect(result?.result).toMatch(said);
  });

  it("leaves no result when it is killed", async () => {
    const { code, result } = await session(
      { ...implementation, task: { ...task, title: "[[rehearse:kill-agent]]" } },
      "sonnet",
    );
    expect({ code, result }).toEqual({ code: null, result: undefined });
  });
});
