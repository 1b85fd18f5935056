import { describe, expect, it } from "vitest";
import { pathsUnder } from "../steps/paths.ts";
import { settings } from "../steps/step-lab.ts";
import { agentArguments, agentEnvironment } from "./agent-command.ts";
import { sessionId } from "./session-id.ts";

const paths = pathsUnder("/");

describe("the agent CLI", () => {
  it("is started with the run's settings alone, and with no secret", () => {
    const options = { settings, paths, model: "opus", session: { id: "id", continued: false } };
    expect(agentArguments({ ...options, mcpServers: false })).toEqual([
      "-p",
      "--output-format=stream-json",
      "--verbose",
      "--include-partial-messages",
      "--setting-sources=user",
      "--strict-mcp-config",
      "--tools=Read,Edit,Write,Bash,Glob,Grep",
      "--model=opus",
      "--session-id=id",
    ]);
    expect(agentArguments({ ...options, mcpServers: true })).toContain(
      "--mcp-config=/etc/orchestrator/run/mcp-servers.json",
    );
  });

  it("continues a session where there is one, with the turns that are left", () => {
    const session = { id: "id", continued: true };
    const given = agentArguments({ settings, paths, model: "opus", session, maxTurns: 7, mcpServers: false });
    expect(given).toContain("--resume=id");
    expect(given).toContain("--max-turns=7");
    expect(given.join(" ")).not.toContain("--session-id");
  });

  it("gets the container's environment, apart from what the runner decides", () => {
    const env = {
      PATH: "/bin",
      HOME: "/h",
      TMPDIR: "/tmp",
      TEAM: "shop",
      NO_PROXY: "10.0.0.0/8",
      ANTHROPIC_AUTH_TOKEN: "other",
      ANTHROPIC_BASE_URL: "https://elsewhere.example.test",
      ANTHROPIC_MODEL: "other",
      ORCHESTRATOR_TASK_ID: "9",
    };
    const door = { address: "http://127.0.0.1:7", token: "t" };
    const expected = {
      PATH: "/bin",
      HOME: "/h",
      TMPDIR: "/tmp",
      TEAM: "shop",
      NO_PROXY: "10.0.0.0/8,127.0.0.1",
      ANTHROPIC_BASE_URL: "http://127.0.0.1:7/model",
      ANTHROPIC_API_KEY: "t",
      CLAUDE_CONFIG_DIR: "/workspace/home/.claude",
      CLAUDE_CODE_TMPDIR: "/workspace/home/tmp",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    };
    expect(agentEnvironment({ env, paths, door })).toEqual(expected);
    expect(agentEnvironment({ env, paths, door, taskId: 3 })).toEqual({ ...expected, ORCHESTRATOR_TASK_ID: "3" });
    expect(agentEnvironment({ env: {}, paths, door })).toMatchObject({ NO_PROXY: "127.0.0.1" });
  });

  it("has one session id for each task of each attempt", () => {
    const one = { runUid: "0b5f7c1e-0000-4000-8000-000000000001", attempt: 1, taskId: 1 };
    expect(sessionId(one)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(sessionId({ ...one })).toBe(sessionId(one));
    const others = [
      { ...one, attempt: 2 },
      { ...one, taskId: 2 },
      { ...one, runUid: "of another run" },
    ];
    expect(new Set([one, ...others].map(sessionId)).size).toBe(4);
  });
});
