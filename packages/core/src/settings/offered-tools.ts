import { toolOf } from "./apply-agent-tools.ts";
import type { PermissionSettings } from "./permission-settings.ts";

const base = ["Read", "Edit", "Write", "Bash", "Glob", "Grep"];

/** The built-in tools that the agent is started with (`--tools`): what is not offered cannot be tried in vain. */
export function offeredTools({ allow, deny }: Pick<PermissionSettings, "allow" | "deny">): string[] {
  const named = allow.map(toolOf).filter((tool) => !tool.startsWith("mcp__"));
  return [...new Set([...base, ...named])].filter((tool) => !deny.includes(tool));
}
