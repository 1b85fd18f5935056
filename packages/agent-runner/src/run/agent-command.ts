import { join } from "node:path";
import { type ClaudeSettings, type Door, inputFiles, offeredTools, runnerVariables } from "@orchestrator/core/pure";
import type { Paths } from "../steps/paths.ts";
import { agentTemporary } from "../prepare/lay-out-home.ts";

export interface AgentCommandOptions {
  settings: Pick<ClaudeSettings, "permissions">;
  paths: Paths;
  model: string;
  /** A new session of this id, or one that is continued. */
  session: { id: string; continued: boolean };
  /** Absent: as many turns as it takes. */
  maxTurns?: number | undefined;
  /** Whether the run defines MCP servers. */
  mcpServers: boolean;
}

/** Arguments of the agent CLI. Settings are those of its user alone: what the repository brings is not obeyed. */
export function agentArguments(options: AgentCommandOptions): string[] {
  const { settings, paths, model, session, maxTurns, mcpServers } = options;
  return [
    "-p",
    "--output-format=stream-json",
    "--verbose",
    "--include-partial-messages",
    "--setting-sources=user",
    "--strict-mcp-config",
    ...(mcpServers ? [`--mcp-config=${join(paths.inputs, inputFiles.mcpServers)}`] : []),
    `--tools=${offeredTools(settings.permissions).join(",")}`,
    `--model=${model}`,
    ...(maxTurns === undefined ? [] : [`--max-turns=${maxTurns}`]),
    `${session.continued ? "--resume" : "--session-id"}=${session.id}`,
  ];
}

export interface AgentEnvironmentOptions {
  /** Environment of the container. */
  env: Readonly<Record<string, string | undefined>>;
  paths: Paths;
  door: Door;
  /** Docs: which task the stop hook asks for. */
  taskId?: number;
}

/** Environment of the agent CLI: the container's, with what the runner alone decides. */
export function agentEnvironment({ env, paths, door, taskId }: AgentEnvironmentOptions): NodeJS.ProcessEnv {
  const { HOME, PATH, TMPDIR } = env;
  const inherited = Object.entries(env).filter(([name]) => !(runnerVariables as readonly string[]).includes(name));
  return {
    ...Object.fromEntries(inherited),
    ...(HOME !== undefined && { HOME }),
    ...(PATH !== undefined && { PATH }),
    ...(TMPDIR !== undefined && { TMPDIR }),
    // A proxy of the cluster has no way to this pod's loopback.
    NO_PROXY: [env["NO_PROXY"], "127.0.0.1"].filter(Boolean).join(","),
    ANTHROPIC_BASE_URL: `${door.address}/model`,
    ANTHROPIC_API_KEY: door.token,
    CLAUDE_CONFIG_DIR: paths.claudeConfig,
    CLAUDE_CODE_TMPDIR: agentTemporary(paths),
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    ...(taskId !== undefined && { ORCHESTRATOR_TASK_ID: String(taskId) }),
  };
}
