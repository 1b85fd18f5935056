import { isDeepStrictEqual } from "node:util";
import type { AgentTool } from "../api/task-implementation-run.ts";
import { SettingsError } from "../errors/settings-error.ts";

/** The agent's `mcp.json`. */
export interface McpServers {
  mcpServers: Record<string, Record<string, unknown>>;
}

/**
 * The MCP servers that enabled tools define, by the server's part of the tool's name (`mcp__SERVER__TOOL`); undefined
 * where there is none. Throws SettingsError where two tools define one server differently.
 */
export function buildMcpServers(tools: readonly AgentTool[]): McpServers | undefined {
  const defining = tools.flatMap(({ name, enabled, config }) =>
    enabled && config !== undefined ? [{ name, config }] : [],
  );
  const servers = new Map<string, (typeof defining)[number]>();
  for (const tool of defining) {
    const server = tool.name.replace(/^mcp__/, "").replace(/__.*$/, "");
    const known = servers.get(server) ?? tool;
    if (!isDeepStrictEqual(known.config, tool.config)) {
      throw SettingsError.differentServers(server, [known.name, tool.name]);
    }
    servers.set(server, known);
  }
  if (servers.size === 0) return undefined;
  return { mcpServers: Object.fromEntries([...servers].map(([server, { config }]) => [server, config] as const)) };
}
