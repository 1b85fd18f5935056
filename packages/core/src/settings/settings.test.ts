import { describe, expect, it } from "vitest";
import type { AgentTool } from "../api/task-implementation-run.ts";
import { SettingsError } from "../errors/settings-error.ts";
import { docsFolder } from "../pod/taskmaster-paths.ts";
import { buildClaudeSettings, validateSettings } from "./build-claude-settings.ts";
import { buildMcpServers } from "./build-mcp-servers.ts";
import { offeredTools } from "./offered-tools.ts";
import { runnerVariables } from "./runner-variables.ts";
import type { SettingsRun } from "./settings-run.ts";

const metadata = { name: "nightly", namespace: "team-a" };

function docsRun(spec: { workingDirectory?: string; targetTasks?: number[] } = {}): SettingsRun {
  return { kind: "DocsGenerationRun", metadata, spec: { model: "opus", workingDirectory: ".", force: false, ...spec } };
}

function implementationRun(agentTools?: AgentTool[]): SettingsRun {
  return {
    kind: "TaskImplementationRun",
    metadata,
    spec: { model: "claude-sonnet-5", taskId: 7, ...(agentTools === undefined ? {} : { agentTools }) },
  };
}

const permissionsOf = (run: SettingsRun) => buildClaudeSettings(run, {}).permissions;

describe("the settings of a docs run", () => {
  const settings = buildClaudeSettings(docsRun({ targetTasks: [1] }), {});

  it("ask for the run's model and keep transcripts for three days", () => {
    expect(settings).toMatchObject({ model: "opus", cleanupPeriodDays: 3 });
  });

  it("let nothing be written but documents", () => {
    const { defaultMode, allow, deny, disableBypassPermissionsMode } = settings.permissions;
    expect({ defaultMode, disableBypassPermissionsMode }).toEqual({
      defaultMode: "dontAsk",
      disableBypassPermissionsMode: "disable",
    });
    expect(allow).toEqual(["Read", "Glob", "Grep", "Edit(//workspace/repository/.taskmaster/docs/**)"]);
    expect(deny).toEqual(
      expect.arrayContaining(["WebFetch", "WebSearch", "Read(//proc/**)", "Read(//var/run/secrets/**)"]),
    );
  });

  it("check the documents whenever a session wants to stop", () => {
    expect(settings.hooks).toEqual({
      Stop: [{ hooks: [{ type: "command", command: "sh /etc/orchestrator/run/stop-hook.sh", timeout: 60 }] }],
    });
  });

  it.each([
    { workingDirectory: ".", rule: "Edit(//workspace/repository/.taskmaster/docs/**)", docs: ".taskmaster/docs" },
    {
      workingDirectory: "services/api",
      rule: "Edit(//workspace/repository/services/api/.taskmaster/docs/**)",
      docs: "services/api/.taskmaster/docs",
    },
    {
      workingDirectory: "a*b (old), [x]",
      rule: "Edit(//workspace/repository/a?b ?old?? ?x?/.taskmaster/docs/**)",
      docs: "a*b (old), [x]/.taskmaster/docs",
    },
  ])("allow the documents below $workingDirectory", ({ workingDirectory, rule, docs }) => {
    expect(permissionsOf(docsRun({ workingDirectory })).allow.at(-1)).toBe(rule);
    expect(docsFolder(workingDirectory)).toBe(docs);
  });
});

describe("the settings of an implementation", () => {
  const settings = buildClaudeSettings(implementationRun(), {});

  it("ask for the run's model, keep transcripts for seven days, and let the session stop", () => {
    expect(settings).toMatchObject({ model: "claude-sonnet-5", cleanupPeriodDays: 7, hooks: {} });
  });

  it("let the repository be edited and commands be run, but neither push nor download", () => {
    const { allow, deny } = settings.permissions;
    expect(allow).toEqual(["Read", "Glob", "Grep", "Edit(//workspace/repository/**)", "Bash"]);
    expect(deny).toEqual(
      expect.arrayContaining(["Bash(git push *)", "Bash(curl *)", "Edit(//workspace/repository/.git/**)"]),
    );
  });
});

describe("agentTools", () => {
  const { allow: allowed, deny: denied } = permissionsOf(implementationRun());

  it.each<{ name: string; tools: AgentTool[]; gone: string[]; allow: string[]; deny: string[] }>([
    { name: "none", tools: [], gone: [], allow: [], deny: [] },
    {
      name: "a tool with restrictions is allowed once for each, in place of the default",
      tools: [{ name: "Bash", enabled: true, restrictions: ["npm *", "git commit:*"] }],
      gone: ["Bash"],
      allow: ["Bash(npm *)", "Bash(git commit:*)"],
      deny: [],
    },
    {
      name: "a disabled tool is denied, and allowed no more",
      tools: [{ name: "Bash", enabled: false }],
      gone: ["Bash"],
      allow: [],
      deny: ["Bash"],
    },
    {
      name: "restricted writing is a rule of Edit, which is what the agent looks up",
      tools: [{ name: "Write", enabled: true, restrictions: ["src/**"] }],
      gone: ["Edit(//workspace/repository/**)"],
      allow: ["Edit(src/**)"],
      deny: [],
    },
    {
      name: "a tool that is denied by default can be enabled",
      tools: [{ name: "WebFetch", enabled: true, restrictions: [] }],
      gone: ["WebFetch"],
      allow: ["WebFetch"],
      deny: [],
    },
    {
      name: "tools of an MCP server are allowed by name",
      tools: [{ name: "mcp__tracker__search", enabled: true, config: { command: "tracker" } }],
      gone: [],
      allow: ["mcp__tracker__search"],
      deny: [],
    },
    {
      name: "a disabled tool without a default is denied",
      tools: [{ name: "Write", enabled: false }],
      gone: [],
      allow: [],
      deny: ["Write"],
    },
  ])("$name", ({ tools, gone, allow, deny }) => {
    expect(permissionsOf(implementationRun(tools))).toMatchObject({
      allow: [...allowed.filter((rule) => !gone.includes(rule)), ...allow],
      deny: [...denied.filter((rule) => !gone.includes(rule)), ...deny],
    });
  });

  it("never lifts what is denied of a tool that is enabled", () => {
    const { deny } = permissionsOf(implementationRun([{ name: "Bash", enabled: true }]));
    expect(deny).toContain("Bash(git push *)");
  });

  it("define MCP servers by the server's part of the name", () => {
    const tracker = { command: "tracker", args: ["--read-only"] };
    expect(
      buildMcpServers([
        { name: "mcp__tracker__search", enabled: true, config: tracker },
        { name: "mcp__wiki", enabled: true, config: { url: "https://wiki.example" } },
        { name: "mcp__off__x", enabled: false, config: {} },
        { name: "mcp__built-elsewhere__x", enabled: true },
      ]),
    ).toEqual({ mcpServers: { tracker, wiki: { url: "https://wiki.example" } } });
    expect(buildMcpServers([{ name: "Bash", enabled: true }])).toBeUndefined();
  });

  it("define an MCP server alike", () => {
    const search = { name: "mcp__tracker__search", enabled: true, config: { command: "tracker", args: ["a"] } };
    const write = { name: "mcp__tracker__write", enabled: true, config: { args: ["a"], command: "tracker" } };
    expect(buildMcpServers([search, write])).toEqual({ mcpServers: { tracker: search.config } });
    const other = { ...write, config: { command: "s3cr3t" } };
    expect(buildMcpServers([search, { ...other, enabled: false }])).toEqual({ mcpServers: { tracker: search.config } });
    expect(() => buildMcpServers([search, other])).toThrow(
      expect.objectContaining({
        name: "SettingsError",
        setting: "mcpServers.tracker",
        message:
          "Agent settings are not valid: mcpServers.tracker: the tools mcp__tracker__search and mcp__tracker__write define it differently: keep config in one of them, or make both alike",
      }),
    );
  });
});

describe("the tools that the agent is offered", () => {
  it.each<{ name: string; tools: AgentTool[]; offered: string[] }>([
    { name: "by default", tools: [], offered: ["Read", "Edit", "Write", "Bash", "Glob", "Grep"] },
    {
      name: "with one more and one less",
      tools: [
        { name: "WebFetch", enabled: true },
        { name: "Bash", enabled: false },
        { name: "mcp__tracker__search", enabled: true },
      ],
      offered: ["Read", "Edit", "Write", "Glob", "Grep", "WebFetch"],
    },
  ])("$name", ({ tools, offered }) => {
    expect(offeredTools(permissionsOf(implementationRun(tools)))).toEqual(offered);
  });
});

describe("the environment of the agent", () => {
  it("keeps it from reaching out, whichever the kind", () => {
    for (const run of [docsRun(), implementationRun()]) {
      expect(buildClaudeSettings(run, {}).env).toMatchObject({
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        DISABLE_AUTOUPDATER: "1",
      });
    }
  });

  it("gives the commands of an implementation longer", () => {
    expect(buildClaudeSettings(docsRun(), {}).env["BASH_DEFAULT_TIMEOUT_MS"]).toBe("120000");
    expect(buildClaudeSettings(implementationRun(), {}).env["BASH_DEFAULT_TIMEOUT_MS"]).toBe("300000");
  });

  it("has telemetry only where there is an endpoint", () => {
    const telemetryEndpoint = "http://collector.observability:4318";
    expect(JSON.stringify(buildClaudeSettings(docsRun(), {}).env)).not.toMatch(/OTEL|TELEMETRY/);
    expect(buildClaudeSettings(docsRun(), { telemetryEndpoint }).env).toMatchObject({
      CLAUDE_CODE_ENABLE_TELEMETRY: "1",
      OTEL_EXPORTER_OTLP_ENDPOINT: telemetryEndpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_RESOURCE_ATTRIBUTES:
        "k8s.namespace.name=team-a,orchestrator.run.kind=DocsGenerationRun,orchestrator.run.name=nightly",
    });
  });
});

describe("settings that the agent would drop or misread are refused:", () => {
  const good = buildClaudeSettings(implementationRun(), {});
  const withAllow = (rule: string) => ({ ...good, permissions: { ...good.permissions, allow: [rule] } });

  it.each<{ name: string; settings: unknown; setting: string }>([
    { name: "a period of 0 days", settings: { ...good, cleanupPeriodDays: 0 }, setting: "cleanupPeriodDays" },
    { name: "an empty model", settings: { ...good, model: "" }, setting: "model" },
    { name: "a key that is not known", settings: { ...good, includeCoAuthoredBy: false }, setting: "" },
    { name: "a hook that never runs", settings: { ...good, hooks: { onStop: "x" } }, setting: "hooks" },
    {
      name: "a hook without a type",
      settings: { ...good, hooks: { Stop: [{ hooks: [{}] }] } },
      setting: "hooks.Stop.0.hooks.0.type",
    },
    { name: "a rule with commas", settings: withAllow("Bash(git:*, gh:*)"), setting: "permissions.allow.0" },
    { name: "a rule that is not closed", settings: withAllow("Bash(git"), setting: "permissions.allow.0" },
    { name: "a path rule of Write", settings: withAllow("Write(src/**)"), setting: "permissions.allow.0" },
    { name: "a number in the environment", settings: { ...good, env: { A: 1 } }, setting: "env.A" },
    { name: "an environment of odd names", settings: { ...good, env: { "a b": "1" } }, setting: "env.a b" },
    {
      name: "a mode that asks",
      settings: { ...good, permissions: { ...good.permissions, defaultMode: "default" } },
      setting: "permissions.defaultMode",
    },
    ...runnerVariables.map((name) => ({
      name: `${name}, which the runner sets`,
      settings: { ...good, env: { ...good.env, [name]: "x" } },
      setting: "env",
    })),
  ])("$name", ({ settings, setting }) => {
    const validate = () => validateSettings(settings);
    expect(validate).toThrow(SettingsError);
    expect(validate).toThrow(expect.objectContaining({ setting }));
  });

  it("nothing that was built here", () => {
    expect(validateSettings(good)).toEqual(good);
  });

  it("a run whose model is empty", () => {
    const run = implementationRun();
    run.spec.model = "";
    expect(() => buildClaudeSettings(run, {})).toThrow(SettingsError);
  });
});
