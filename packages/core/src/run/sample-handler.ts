import { z } from "zod";
import { workspace } from "../api/workspace.ts";
import { buildAttemptResources } from "../pod/attempt-resources.ts";
import { checkAttempt } from "./check-attempt.ts";
import { type JobHandler, liveJobs } from "./job-handler.ts";
import { workspaceClaimName } from "./names.ts";
import { podLimits } from "./pod-limits.ts";
import { workspaceWishOf } from "./workspace.ts";

// A third kind of run, for tests: what it takes to bring one, and nothing of core knows it.

const reviewSpec = z.object({
  question: z.string().min(1),
  timeout: z.string().default("1h"),
  pendingTimeout: z.string().default("10m"),
  serviceName: z.string().optional(),
  workspace: workspace.optional(),
});
type ReviewSpec = z.infer<typeof reviewSpec>;

export const reviewHandler: JobHandler<ReviewSpec> = {
  jobType: "review",
  resource: { group: "orchestrator.io", version: "v1", plural: "reviewruns", kind: "ReviewRun", namespaced: true },
  prefix: "review",
  spec: reviewSpec,
  defaults: { timeout: "1h", maxAgentRetries: 1 },
  workspaceOf: workspaceWishOf,
  createResources: ({ run, attempt, timing, settings }) =>
    buildAttemptResources({
      run,
      attempt,
      files: { "prompt.md": run.spec.question },
      image: settings.agentImage,
      modelSecretName: settings.modelSecretName,
      workspaceClaim: run.spec.workspace && workspaceClaimName(run.namespace, run.spec.serviceName ?? ""),
      ...podLimits(timing, settings),
    }),
  checkStatus(observation, timing, now) {
    const state = checkAttempt(observation, timing, now);
    return state.type === "ended" ? { state, statusFields: { answers: 1 } } : { state };
  },
  cleanup: liveJobs,
};
