import { layout } from "../pod/layout.ts";
import { docsFolder } from "../pod/taskmaster-paths.ts";
import { applyAgentTools } from "./apply-agent-tools.ts";
import type { PermissionSettings } from "./permission-settings.ts";
import type { SettingsRun } from "./settings-run.ts";

const readers = ["Read", "Glob", "Grep"];

/** Tools that reach the network or start work of their own, and files that are nobody's business here. */
const denied = [
  "WebFetch",
  "WebSearch",
  "Agent",
  "Workflow",
  "Monitor",
  "Skill",
  "Read(//proc/**)",
  "Read(//run/secrets/**)",
  "Read(//var/run/secrets/**)",
  `Read(/${layout.door}/**)`,
  `Edit(/${layout.repository}/.git/**)`,
  `Edit(/${layout.repository}/.claude/**)`,
];

/** Delivery is the runner's; what a build fetches it fetches by its own tools. */
const deniedCommands = ["Bash(git push *)", "Bash(curl *)", "Bash(wget *)"];

/**
 * What the agent may do: a docs session reads, and writes below `.taskmaster/docs` alone; an implementation edits the
 * repository and runs commands, changed tool by tool by the run's `agentTools`. Rules guide the agent, they do not fence
 * it in: a command that is allowed can do all that its user can.
 */
export function buildPermissions(run: SettingsRun): PermissionSettings {
  return { defaultMode: "dontAsk", ...rules(run), disableBypassPermissionsMode: "disable" };
}

function rules(run: SettingsRun): Pick<PermissionSettings, "allow" | "deny"> {
  switch (run.kind) {
    case "DocsGenerationRun":
      return { allow: [...readers, editsBelow(docsFolder(run.spec.workingDirectory))], deny: denied };
    case "TaskImplementationRun":
      return applyAgentTools(run.spec.agentTools ?? [], {
        allow: [...readers, editsBelow("."), "Bash"],
        deny: [...denied, ...deniedCommands],
      });
  }
}

function editsBelow(folder: string): string {
  // `//` begins an absolute path. A character with a meaning of its own in a rule is matched by the wildcard for one.
  const path = folder === "." ? "" : `/${folder.replaceAll(/[*?[\]{}()!#,]/g, "?")}`;
  return `Edit(/${layout.repository}${path}/**)`;
}
