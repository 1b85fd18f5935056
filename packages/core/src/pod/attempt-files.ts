import type { JobType } from "../job-type/job-type.ts";
import type { ClaudeSettings } from "../settings/claude-settings.ts";
import { getContainerTemplate, getPrepTemplate } from "../templates/registry.ts";
import { inputFiles, layout } from "./layout.ts";
import { runInputs, type RunInputs } from "./run-inputs.ts";

export interface AttemptFilesOptions {
  jobType: Pick<JobType, "type">;
  inputs: RunInputs;
  settings: ClaudeSettings;
  /** General part of a session's prompt. */
  prompt: string;
  /** PEM text of authorities that the gateway trusts beside the system's. */
  caBundle?: string | undefined;
}

/** The files of an attempt that both kinds have, by their name in the ConfigMap. */
export function attemptFiles(options: AttemptFilesOptions): Record<string, string> {
  const { jobType, inputs, settings, prompt, caBundle } = options;
  const script = { runner: layout.runner };
  return {
    [inputFiles.run]: json(runInputs.parse(inputs)),
    [inputFiles.settings]: json(settings),
    [inputFiles.prompt]: prompt,
    [inputFiles.prepareScript]: getPrepTemplate(jobType).render(script),
    [inputFiles.agentScript]: getContainerTemplate(jobType).render(script),
    ...(caBundle !== undefined && { [inputFiles.caBundle]: caBundle }),
  };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
