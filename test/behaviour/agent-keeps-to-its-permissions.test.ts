import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import {
  type AgentTool,
  buildClaudeSettings,
  type ClaudeSettings,
  formatTaskBlock,
  layout,
  offeredTools,
  type TaskBlock,
} from "@orchestrator/core";
import { agentCliPath, type RehearsalModel, startRehearsalModel } from "@orchestrator/local-cluster";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const execute = promisify(execFile);

let home: string;
let repository: string;
let model: RehearsalModel;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "permissions-"));
  repository = join(home, "repository");
  await execute("git", ["init", "-q", repository]);
  await mkdir(join(home, ".claude"));
  model = await startRehearsalModel();
});
afterEach(async () => {
  await model.close();
  await rm(home, { recursive: true });
});

/** Names of the tools that the real agent CLI was denied in a session with these settings. */
async function denials(settings: ClaudeSettings, block: TaskBlock): Promise<string[]> {
  // No pod here: its repository lies elsewhere, and its stop hook has nothing to ask.
  const { permissions } = JSON.parse(
    JSON.stringify(settings).replaceAll(layout.repository, repository),
  ) as ClaudeSettings;
  await writeFile(join(home, ".claude/settings.json"), JSON.stringify({ ...settings, permissions, hooks: {} }));
  const tools = offeredTools(permissions).join(",");
  const child = spawn(
    agentCliPath(),
    ["-p", "--output-format", "json", "--setting-sources", "user", "--tools", tools],
    {
      cwd: repository,
      env: {
        PATH: `${join(process.execPath, "..")}:/usr/bin:/bin`,
        HOME: home,
        CLAUDE_CONFIG_DIR: join(home, ".claude"),
        CLAUDE_CODE_TMPDIR: home,
        ANTHROPIC_BASE_URL: model.url,
        ANTHROPIC_API_KEY: "any",
      },
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  child.stdin.end(formatTaskBlock(block));
  const [output] = await Promise.all([text(child.stdout), once(child, "close")]);
  const result = JSON.parse(output) as { is_error: boolean; permission_denials: { tool_name: string }[] };
  expect(result.is_error).toBe(false);
  return result.permission_denials.map((denial) => denial.tool_name);
}

const metadata = { name: "nightly", namespace: "team-a" };
const task = { id: 1, title: "Sort" };

describe("a docs session of the real agent", () => {
  const folder = "app [v2], (new)/.taskmaster/docs/task-1";

  it.each([
    { place: "the documents' folder", path: `${folder}/task.md`, denied: [] },
    { place: "another folder", path: "src/task.md", denied: ["Write"] },
    { place: "the documents' folder of another part", path: ".taskmaster/docs/task-1/task.md", denied: ["Write"] },
    { place: "Git's own folder", path: ".git/hooks/task.md", denied: ["Write"] },
  ])("that writes in $place is denied $denied", async ({ path, denied }) => {
    const settings = buildClaudeSettings(
      {
        kind: "DocsGenerationRun",
        metadata,
        spec: { model: "opus", workingDirectory: "app [v2], (new)", force: false },
      },
      {},
    );
    const files = { task: path, prompt: `${folder}/prompt.md`, acceptanceCriteria: `${folder}/acceptance-criteria.md` };
    expect(await denials(settings, { kind: "DocsGenerationRun", task, files, format: "Markdown" })).toEqual(denied);
    expect(existsSync(join(repository, path))).toBe(denied.length === 0);
    expect(existsSync(join(repository, files.acceptanceCriteria))).toBe(true);
  });
});

describe("an implementation of the real agent", () => {
  const source = "services/api/task-1.mjs";

  it.each<{ name: string; agentTools: AgentTool[]; denied: string[]; written: boolean }>([
    { name: "by default", agentTools: [], denied: [], written: true },
    {
      name: "whose writing is restricted to another folder",
      agentTools: [{ name: "Write", enabled: true, restrictions: ["web/**"] }],
      denied: ["Write", "Write"],
      written: false,
    },
    {
      name: "whose commands are restricted to one",
      agentTools: [{ name: "Bash", enabled: true, restrictions: ["npm *"] }],
      denied: ["Bash"],
      written: true,
    },
  ])("$name is denied $denied", async ({ agentTools, denied, written }) => {
    const settings = buildClaudeSettings(
      { kind: "TaskImplementationRun", metadata, spec: { model: "sonnet", taskId: 1, agentTools } },
      {},
    );
    const documents: string[] = [];
    const block: TaskBlock = {
      kind: "TaskImplementationRun",
      task,
      serviceName: "api",
      workingDirectory: ".",
      documents,
    };
    expect(await denials(settings, block)).toEqual(denied);
    expect(existsSync(join(repository, source))).toBe(written);
  });
});
