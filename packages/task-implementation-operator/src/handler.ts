import {
  type AttemptRequest,
  type AttemptResources,
  buildAttempt,
  buildClaudeSettings,
  buildMcpServers,
  checkAttempt,
  implementationDefaults,
  implementationPromptTemplate,
  inputFiles,
  type JobHandler,
  labels,
  liveJobs,
  type TaskImplementationRunSpec,
  taskImplementationRunSpec,
  workspaceClaimName,
  workspaceWishOf,
} from "@orchestrator/core";

type Spec = TaskImplementationRunSpec;

const kind = "TaskImplementationRun";
const prefix = "task";
const jobType = { type: "task_implementation" } as const;

/** Implements one task in a service. */
export const handler: JobHandler<Spec> = {
  jobType: jobType.type,
  resource: { group: "orchestrator.io", version: "v1", plural: "taskimplementationruns", kind, namespaced: true },
  prefix,
  spec: taskImplementationRunSpec,
  defaults: implementationDefaults,
  workspaceOf: workspaceWishOf,
  createResources,
  checkStatus: (observation, timing, now) => ({ state: checkAttempt(observation, timing, now) }),
  cleanup: liveJobs,
};

function createResources(request: AttemptRequest<Spec>): AttemptResources {
  const { name, namespace, spec } = request.run;
  return buildAttempt(request, {
    jobType,
    prefix,
    labels: {
      [labels.task]: String(spec.taskId),
      [labels.service]: spec.serviceName,
      [labels.agent]: spec.agentName,
    },
    workspaceClaim: spec.workspace && workspaceClaimName(namespace, spec.serviceName),
    inputs: inputs(spec),
    settings: buildClaudeSettings({ kind, metadata: { name, namespace }, spec }, request.settings),
    prompt: implementationPromptTemplate.render({ serviceName: spec.serviceName }),
    files: { ...mcpServers(spec), ...markdownFiles(spec) },
  });
}

function inputs({ taskId, serviceName, agentName, followUp, verify = [], markdownFiles: given = [] }: Spec) {
  return {
    kind,
    taskId,
    serviceName,
    agentName,
    ...(followUp !== undefined && { followUp }),
    verify,
    markdownFiles: given.map(({ filename, fileType }, index) => ({ filename, fileType, key: markdownKey(index) })),
  } as const;
}

function mcpServers({ agentTools = [] }: Spec): Record<string, string> {
  const servers = buildMcpServers(agentTools);
  return servers === undefined ? {} : { [inputFiles.mcpServers]: `${JSON.stringify(servers, undefined, 2)}\n` };
}

function markdownFiles({ markdownFiles: given = [] }: Spec): Record<string, string> {
  return Object.fromEntries(given.map(({ content }, index) => [markdownKey(index), content]));
}

function markdownKey(index: number): string {
  return `markdown-${index}.md`;
}
