import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildClaudeSettings, type SettingsRun } from "@orchestrator/core";
import { agentCliPath } from "@orchestrator/local-cluster";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const execute = promisify(execFile);

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "settings-"));
  await mkdir(join(home, ".claude"));
});
afterEach(() => rm(home, { recursive: true }));

/** What the agent CLI itself says about a settings file, offline. */
async function doctor(settings: unknown): Promise<string> {
  await writeFile(join(home, ".claude/settings.json"), JSON.stringify(settings));
  const env = {
    PATH: "/usr/bin:/bin",
    HOME: home,
    CLAUDE_CONFIG_DIR: join(home, ".claude"),
    CLAUDE_CODE_TMPDIR: home,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_AUTOUPDATER: "1",
    ANTHROPIC_API_KEY: "none",
    // A closed port: nothing leaves this machine.
    ANTHROPIC_BASE_URL: "http://127.0.0.1:9",
  };
  const asked = execute(agentCliPath(), ["doctor"], { env, cwd: home, timeout: 60_000 });
  asked.child.stdin?.end();
  return (await asked).stdout;
}

const metadata = { name: "nightly", namespace: "team-a" };
const docs = { model: "opus", workingDirectory: ".", force: false };
const implementation = { model: "sonnet", taskId: 7 };

const runs: { name: string; run: SettingsRun; telemetryEndpoint?: string }[] = [
  { name: "a plain docs run", run: { kind: "DocsGenerationRun", metadata, spec: docs } },
  {
    name: "a docs run in a folder whose name has a meaning in rules",
    run: { kind: "DocsGenerationRun", metadata, spec: { ...docs, workingDirectory: "apps/a*b (old), [x]" } },
  },
  {
    name: "a docs run with telemetry and a full model id",
    run: { kind: "DocsGenerationRun", metadata, spec: { ...docs, model: "claude-opus-4-5", targetTasks: [1, 2] } },
    telemetryEndpoint: "http://collector.observability:4318",
  },
  { name: "a plain implementation", run: { kind: "TaskImplementationRun", metadata, spec: implementation } },
  {
    name: "an implementation with tools of its own",
    run: {
      kind: "TaskImplementationRun",
      metadata,
      spec: {
        ...implementation,
        agentTools: [
          { name: "Bash", enabled: true, restrictions: ["npm *", "git commit:*"] },
          { name: "Write", enabled: true, restrictions: ["src/**"] },
          { name: "Grep", enabled: true, restrictions: ["src/**"] },
          { name: "WebFetch", enabled: true, restrictions: ["domain:example.com"] },
          { name: "NotebookEdit", enabled: false },
          { name: "mcp__tracker", enabled: true, config: { command: "tracker" } },
        ],
      },
    },
    telemetryEndpoint: "http://collector.observability:4318",
  },
];

const finding = /Invalid settings|Permission rules that may not work/;

describe("the agent CLI has nothing to say against the settings of", () => {
  it.each(runs)("$name", async ({ run, telemetryEndpoint }) => {
    const said = await doctor(buildClaudeSettings(run, { telemetryEndpoint }));
    expect(said).not.toMatch(finding);
    // It did look: a report without its usual content would find nothing either.
    expect(said).toMatch(/2\.\d+\.\d+/);
  });
});

describe("the agent CLI would have said something against", () => {
  const good = buildClaudeSettings({ kind: "TaskImplementationRun", metadata, spec: implementation }, {});

  it.each([
    { name: "a hook that is unknown", settings: { ...good, hooks: { onStop: "true" } } },
    { name: "a period of 0 days", settings: { ...good, cleanupPeriodDays: 0 } },
    {
      name: "a path rule of Write",
      settings: { ...good, permissions: { ...good.permissions, allow: ["Write(./src/**)"] } },
    },
  ])("$name", async ({ settings }) => {
    expect(await doctor(settings)).toMatch(finding);
  });
});
