import type { PodSettings } from "../api/pod.ts";
import type { JobType } from "../job-type/job-type.ts";
import type { AttemptRequest } from "../run/job-handler.ts";
import { podLimits } from "../run/pod-limits.ts";
import type { ClaudeSettings } from "../settings/claude-settings.ts";
import { attemptFiles } from "./attempt-files.ts";
import { type AttemptResources, buildAttemptResources } from "./attempt-resources.ts";
import type { DocsRunInputs, ImplementationRunInputs } from "./run-inputs.ts";
import { modelSecretName, type SharedInputs, sharedInputs, type SharedSpecFields } from "./shared-inputs.ts";

/** What is of its own in the attempts of one kind. */
export interface AttemptParts {
  jobType: Pick<JobType, "type">;
  /** The handler's. */
  prefix: string;
  labels?: Record<string, string>;
  /** Claim of the service's workspace; absent: the run has none. */
  workspaceClaim?: string | undefined;
  /** The part of `run.json` that only this kind has. */
  inputs: Omit<DocsRunInputs, keyof SharedInputs> | Omit<ImplementationRunInputs, keyof SharedInputs>;
  settings: ClaudeSettings;
  /** General part of a session's prompt. */
  prompt: string;
  /** Beside those that both kinds have. */
  files?: Record<string, string> | undefined;
}

/** ConfigMap and Job of an attempt, for the kinds of run that an agent works on in a repository. */
export function buildAttempt(
  request: AttemptRequest<SharedSpecFields & { pod?: PodSettings | undefined }>,
  { jobType, prefix, labels, workspaceClaim, inputs, settings, prompt, files }: AttemptParts,
): AttemptResources {
  const { run, attempt, timing } = request;
  const { agentImage, caBundle, podTemplate } = request.settings;
  const { repository, pod } = run.spec;
  const allInputs = { ...sharedInputs(request, { prefix, workspaceClaim }), ...inputs };
  return buildAttemptResources({
    run,
    attempt,
    ...(labels && { labels }),
    files: { ...attemptFiles({ jobType, inputs: allInputs, settings, prompt, caBundle }), ...files },
    image: agentImage,
    modelSecretName: modelSecretName(request),
    repositorySecretName: repository?.secretRef?.name,
    workspaceClaim,
    ...podLimits(timing, request.settings),
    template: podTemplate,
    wishes: pod,
  });
}
