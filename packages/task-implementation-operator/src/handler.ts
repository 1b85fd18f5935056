import {
  type AttemptRequest,
  type AttemptResources,
  attemptFiles,
  buildAttemptResources,
  buildClaudeSettings,
  buildMcpServers,
  checkAttempt,
  implementationPromptTemplate,
  type ImplementationRunInputs,
  inputFiles,
  type JobHandler,
  labels,
  liveJobs,
  modelSecretName,
  podLimits,
  sharedInputs,
  type TaskImplementationRunSpec,
  taskImplementationRunSpec,
} from "@orchestrator/core";

type Request = AttemptRequest<TaskImplementationRunSpec>;

const kind = "TaskImplementationRun";
const prefix = "task";
const jobType = { type: "task_implementation" } as const;

/** Implements one task in a service. */
export const handler: JobHandler<TaskImplementationRunSpec> = {
  jobType: jobType.type,
  resource: { group: "orchestrator.io", version: "v1", plural: "taskimplementationruns", kind, namespaced: true },
  prefix,
  spec: taskImplementationRunSpec,
  defaults: { timeoutMs: 2 * 60 * 60_000, maxAgentRetries: 1 },
  createResources,
  checkStatus: (observation, timing, now) => ({ state: checkAttempt(observation, timing, now) }),
  cleanup: liveJobs,
};

function createResources(request: Request): AttemptResources {
  const { run, attempt, timing, settings } = request;
  const { spec } = run;
  return buildAttemptResources({
    run,
    attempt,
    labels: {
      [labels.task]: String(spec.taskId),
      [labels.service]: spec.serviceName,
      [labels.agent]: spec.agentName,
    },
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
  const mcpServers = buildMcpServers(spec.agentTools ?? []);
  return {
    ...attemptFiles({
      jobType,
      inputs: inputs(request),
      settings: buildClaudeSettings({ kind, metadata: { name, namespace }, spec }, settings),
      prompt: implementationPromptTemplate.render({ serviceName: spec.serviceName }),
      caBundle: settings.caBundle,
    }),
    ...(mcpServers && { [inputFiles.mcpServers]: `${JSON.stringify(mcpServers, undefined, 2)}\n` }),
    ...Object.fromEntries((spec.markdownFiles ?? []).map(({ content }, index) => [markdownKey(index), content])),
  };
}

function inputs(request: Request): ImplementationRunInputs {
  const { taskId, serviceName, agentName, followUp, verify = [], markdownFiles = [] } = request.run.spec;
  return {
    ...sharedInputs(request, prefix),
    kind,
    taskId,
    serviceName,
    agentName,
    ...(followUp !== undefined && { followUp }),
    verify,
    markdownFiles: markdownFiles.map(({ filename, fileType }, index) => ({
      filename,
      fileType,
      key: markdownKey(index),
    })),
  };
}

function markdownKey(index: number): string {
  return `markdown-${index}.md`;
}
