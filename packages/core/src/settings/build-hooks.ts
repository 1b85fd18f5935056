import type { JobType } from "../job-type/job-type.ts";
import { inputFiles, layout } from "../pod/layout.ts";
import type { HookSettings } from "./hook-settings.ts";

/** Parsing one task's documents takes a second or two; the rest is for a busy node. */
const stopTimeoutSeconds = 60;

/** A docs session may stop only when its task's documents are complete. */
export function buildHooks(jobType: Pick<JobType, "type">): HookSettings {
  if (jobType.type !== "docs_generation") return {};
  const command = `sh ${layout.inputs}/${inputFiles.stopHook}`;
  return { Stop: [{ hooks: [{ type: "command", command, timeout: stopTimeoutSeconds }] }] };
}
