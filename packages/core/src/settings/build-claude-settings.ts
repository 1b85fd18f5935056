import { SettingsError } from "../errors/settings-error.ts";
import { buildEnvironment } from "./build-environment.ts";
import { buildHooks } from "./build-hooks.ts";
import { buildPermissions } from "./build-permissions.ts";
import { type ClaudeSettings, claudeSettings } from "./claude-settings.ts";
import { determineJobType } from "./determine-job-type.ts";
import { getCleanupPeriod } from "./get-cleanup-period.ts";
import { selectModel } from "./select-model.ts";
import type { SettingsConfig, SettingsRun } from "./settings-run.ts";

/** The agent's settings for a run. Throws SettingsError when the agent would not accept them. */
export function buildClaudeSettings(run: SettingsRun, config: SettingsConfig): ClaudeSettings {
  const jobType = determineJobType(run);
  return validateSettings({
    $schema: "https://json.schemastore.org/claude-code-settings.json",
    model: selectModel(run),
    cleanupPeriodDays: getCleanupPeriod(jobType),
    permissions: buildPermissions(run),
    env: buildEnvironment(jobType, run, config),
    hooks: buildHooks(jobType),
  });
}

/** Throws SettingsError, naming the setting, when `settings` are not what the agent accepts. */
export function validateSettings(settings: unknown): ClaudeSettings {
  const checked = claudeSettings.safeParse(settings);
  if (!checked.success) throw SettingsError.invalid(checked.error);
  return checked.data;
}
