import {
  type AttemptRequest,
  type AttemptResources,
  attemptFiles,
  buildAttemptResources,
  buildClaudeSettings,
  checkAttempt,
  type DocsGenerationRunSpec,
  docsGenerationRunSpec,
  docsFolder,
  docsPromptTemplate,
  type DocsRunInputs,
  formatRules,
  inputFiles,
  type JobHandler,
  layout,
  liveJobs,
  modelSecretName,
  podLimits,
  sharedInputs,
  stopHookTemplate,
} from "@orchestrator/core";
import { taskStatus } from "./task-status.ts";

type Request = AttemptRequest<DocsGenerationRunSpec>;

const kind = "DocsGenerationRun";
const prefix = "docs";
const jobType = { type: "docs_generation" } as const;

/** Writes the documents of tasks: one agent session for each. */
export const handler: JobHandler<DocsGenerationRunSpec> = {
  jobType: jobType.type,
  resource: { group: "orchestrator.io", version: "v1", plural: "docsgenerationruns", kind, namespaced: true },
  prefix,
  spec: docsGenerationRunSpec,
  defaults: { timeoutMs: 60 * 60_000, maxAgentRetries: 0 },
  createResources,
  checkStatus(observation, timing, now) {
    const state = checkAttempt(observation, timing, now);
    return state.type === "ended" ? { state, statusFields: taskStatus(state.ending) } : { state };
  },
  cleanup: liveJobs,
};

function createResources(request: Request): AttemptResources {
  const { run, attempt, timing, settings } = request;
  const { spec } = run;
  return buildAttemptResources({
    run,
    attempt,
    files: files(request),
    image: settings.agentImage,
    modelSecretName: modelSecretName(request),
    repositorySecretName: spec.repository.secretRef?.name,
    ...podLimits(timing, settings),
    template: settings.podTemplate,
    wishes: spec.pod,
  });
}

function files(request: Request): Record<string, string> {
  const { run, settings } = request;
  const { name, namespace, spec } = run;
  const format = spec.outputFormat;
  const docsDirectory = docsFolder(spec.workingDirectory);
  return {
    ...attemptFiles({
      jobType,
      inputs: inputs(request),
      settings: buildClaudeSettings({ kind, metadata: { name, namespace }, spec }, settings),
      prompt: docsPromptTemplate.render({ format, formatRules: formatRules[format], docsDirectory }),
      caBundle: settings.caBundle,
    }),
    [inputFiles.stopHook]: stopHookTemplate.render({ runner: layout.runner }),
  };
}

function inputs(request: Request): DocsRunInputs {
  const { targetTasks, force, outputFormat, parallelism } = request.run.spec;
  return {
    ...sharedInputs(request, prefix),
    kind,
    ...(targetTasks !== undefined && { targetTasks }),
    force,
    outputFormat,
    parallelism,
  };
}
