import type { Budget } from "../api/budget.ts";
import type { Repository } from "../api/repository.ts";
import type { AttemptRequest } from "../run/job-handler.ts";
import { branchName } from "../run/names.ts";
import { layout } from "./layout.ts";
import type { RunInputs } from "./run-inputs.ts";

/** The fields of a spec that both kinds have and that reach the pod. */
export interface SharedSpecFields {
  repository?: Repository | undefined;
  model: string;
  modelSecretRef?: { name: string } | undefined;
  workingDirectory: string;
  tag: string;
  budget?: Budget | undefined;
}

export type SharedInputs = Pick<
  RunInputs,
  | "version"
  | "name"
  | "namespace"
  | "uid"
  | "round"
  | "attempt"
  | "model"
  | "modelBaseUrl"
  | "modelSecretName"
  | "repository"
  | "workspace"
  | "branch"
  | "workingDirectory"
  | "tag"
  | "timeoutSeconds"
  | "stallTimeoutSeconds"
  | "budget"
  | "spent"
  | "keepWork"
  | "resume"
>;

/** The part of `run.json` that both kinds have: `prefix` is the handler's, `workspaceClaim` that of the service. */
export function sharedInputs(
  { run, attempt, timing, settings, spent, resume }: AttemptRequest<SharedSpecFields>,
  { prefix, workspaceClaim }: { prefix: string; workspaceClaim: string | undefined },
): SharedInputs {
  const { name, namespace, uid, spec } = run;
  return {
    version: 1,
    name,
    namespace,
    uid,
    round: attempt.round,
    attempt: attempt.number,
    model: spec.model,
    modelBaseUrl: settings.modelBaseUrl,
    modelSecretName: modelSecretName({ run, settings }),
    repository: spec.repository === undefined ? repositoryOfWorkspace : repositoryInputs(spec.repository),
    ...(workspaceClaim !== undefined && { workspace: { claim: workspaceClaim } }),
    branch: branchName({ prefix, name, uid }),
    workingDirectory: spec.workingDirectory,
    tag: spec.tag,
    timeoutSeconds: timing.timeoutMs / 1000,
    stallTimeoutSeconds: timing.stallTimeoutMs / 1000,
    spent,
    keepWork: settings.keepWork,
    ...(spec.budget && { budget: spec.budget }),
    ...(resume && { resume }),
  };
}

/** The run's own choice, else the operator's. */
export function modelSecretName({ run, settings }: Pick<AttemptRequest<SharedSpecFields>, "run" | "settings">): string {
  return run.spec.modelSecretRef?.name ?? settings.modelSecretName;
}

/** Where the work of a run without repository comes from and goes to. */
const repositoryOfWorkspace: SharedInputs["repository"] = {
  url: `file://${layout.gatewayWorkspace}/repository.git`,
  branch: "main",
  provider: "None",
};

/** Without a provider the schema lets only github.com pass. */
function repositoryInputs({ url, branch, provider, apiUrl, secretRef }: Repository): SharedInputs["repository"] {
  return {
    url,
    branch,
    provider: provider ?? "GitHub",
    ...(apiUrl !== undefined && { apiUrl }),
    ...(secretRef !== undefined && { secretName: secretRef.name }),
  };
}
