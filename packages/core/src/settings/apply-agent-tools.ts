import type { AgentTool } from "../api/task-implementation-run.ts";
import type { PermissionSettings } from "./permission-settings.ts";

type Rules = Pick<PermissionSettings, "allow" | "deny">;

/** Tools whose paths the agent looks up under another tool's name. */
const pathRules: Readonly<Record<string, string>> = {
  Write: "Edit",
  NotebookEdit: "Edit",
  Glob: "Read",
  Grep: "Read",
};

/**
 * The rules after the run's changes. What is said of a tool takes the place of its default allowance: enabled without
 * restrictions it is allowed as a whole, with restrictions once for each, and disabled it is denied. Denials of single
 * uses of a tool stay.
 */
export function applyAgentTools(tools: readonly AgentTool[], defaults: Rules): Rules {
  const names = new Set(tools.flatMap((tool) => [tool.name, ...allowance(tool).map(toolOf)]));
  const disabled = tools.filter(({ enabled }) => !enabled).map(({ name }) => name);
  return {
    allow: [...defaults.allow.filter((rule) => !names.has(toolOf(rule))), ...tools.flatMap(allowance)],
    deny: [...defaults.deny.filter((rule) => !names.has(rule)), ...disabled],
  };
}

function allowance({ name, enabled, restrictions = [] }: AgentTool): string[] {
  if (!enabled) return [];
  if (restrictions.length === 0) return [name];
  const tool = pathRules[name] ?? name;
  return restrictions.map((restriction) => `${tool}(${restriction})`);
}

/** The tool that a rule is about. */
export function toolOf(rule: string): string {
  return rule.replace(/\(.*$/s, "");
}
