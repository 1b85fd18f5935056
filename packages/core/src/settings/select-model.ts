import type { SettingsRun } from "./settings-run.ts";

/** The model as the run names it; what an alias stands for is the agent's to know, and nothing is put in its place. */
export function selectModel(run: SettingsRun): string {
  return run.spec.model;
}
