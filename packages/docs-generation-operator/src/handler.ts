import {
  type AttemptRequest,
  type AttemptResources,
  buildAttempt,
  buildClaudeSettings,
  checkAttempt,
  docsDefaults,
  type DocsGenerationRunSpec,
  docsGenerationRunSpec,
  docsFolder,
  docsPromptTemplate,
  formatRules,
  inputFiles,
  type JobHandler,
  layout,
  liveJobs,
  stopHookTemplate,
} from "@orchestrator/core";
import { taskStatus } from "./task-status.ts";

const kind = "DocsGenerationRun";
const prefix = "docs";
const jobType = { type: "docs_generation" } as const;

/** Writes the documents of tasks: one agent session for each. */
export const handler: JobHandler<DocsGenerationRunSpec> = {
  jobType: jobType.type,
  resource: { group: "orchestrator.io", version: "v1", plural: "docsgenerationruns", kind, namespaced: true },
  prefix,
  spec: docsGenerationRunSpec,
  defaults: docsDefaults,
  createResources,
  checkStatus(observation, timing, now) {
    const state = checkAttempt(observation, timing, now);
    return state.type === "ended" ? { state, statusFields: taskStatus(state.ending) } : { state };
  },
  cleanup: liveJobs,
};

function createResources(request: AttemptRequest<DocsGenerationRunSpec>): AttemptResources {
  const { name, namespace, spec } = request.run;
  const { targetTasks, force, outputFormat, parallelism } = spec;
  const asked = { ...(targetTasks !== undefined && { targetTasks }), force, outputFormat, parallelism };
  return buildAttempt(request, {
    jobType,
    prefix,
    inputs: { kind, ...asked },
    settings: buildClaudeSettings({ kind, metadata: { name, namespace }, spec }, request.settings),
    prompt: docsPromptTemplate.render({
      format: outputFormat,
      formatRules: formatRules[outputFormat],
      docsDirectory: docsFolder(spec.workingDirectory),
    }),
    files: { [inputFiles.stopHook]: stopHookTemplate.render({ runner: layout.runner }) },
  });
}
