import type { AgentTool } from "../api/task-implementation-run.ts";

/** The agent's `mcp.json`. */
export interface McpServers {
  mcpServers: Record<string, Record<string, unknown>>;
}

/**
 * The MCP servers that enabled tools define, by the server's part of the tool's name (`mcp__SERVER__TOOL`); undefined
 * where there is none.
 */
export function buildMcpServers(tools: readonly AgentTool[]): McpServers | undefined {
  const servers = tools.flatMap(({ name, enabled, config }) =>
    enabled && config !== undefined ? [[name.replace(/^mcp__/, "").replace(/__.*$/, ""), config] as const] : [],
  );
  return servers.length === 0 ? undefined : { mcpServers: Object.fromEntries(servers) };
}
