import { z } from "zod";
import { buildAttemptResources } from "../pod/attempt-resources.ts";
import { checkAttempt } from "./check-attempt.ts";
import { type JobHandler, liveJobs } from "./job-handler.ts";
import { podLimits } from "./pod-limits.ts";

// A third kind of run, for tests: what it takes to bring one, and nothing of core knows it.

const reviewSpec = z.object({
  question: z.string().min(1),
  timeout: z.string().default("1h"),
  pendingTimeout: z.string().default("10m"),
});
type ReviewSpec = z.infer<typeof reviewSpec>;

export const reviewHandler: JobHandler<ReviewSpec> = {
  jobType: "review",
  resource: { group: "orchestrator.io", version: "v1", plural: "reviewruns", kind: "ReviewRun", namespaced: true },
  prefix: "review",
  spec: reviewSpec,
  defaults: { timeoutMs: 3_600_000, maxAgentRetries: 1 },
  createResources: ({ run, attempt, timing, settings }) =>
    buildAttemptResources({
      run,
      attempt,
      files: { "prompt.md": run.spec.question },
      image: settings.agentImage,
      modelSecretName: settings.modelSecretName,
      ...podLimits(timing, settings),
    }),
  checkStatus(observation, timing, now) {
    const state = checkAttempt(observation, timing, now);
    return state.type === "ended" ? { state, statusFields: { answers: 1 } } : { state };
  },
  cleanup: liveJobs,
};
