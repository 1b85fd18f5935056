import type { ModelChoice } from "../cluster/model-choice.ts";

/**
 * The real model costs money and is asked only when its key is there.
 *
 * @param env `ANTHROPIC_API_KEY` chooses the real model; `ANTHROPIC_BASE_URL` its address, by default the provider's.
 */
export function chooseModel(env: Record<string, string | undefined>): ModelChoice {
  const apiKey = env["ANTHROPIC_API_KEY"]?.trim();
  if (apiKey === undefined || apiKey === "") return { type: "rehearsal" };
  return { type: "real", apiKey, baseUrl: env["ANTHROPIC_BASE_URL"] ?? "https://api.anthropic.com" };
}

/** What is said before anything is spent. */
export function announceModel(model: ModelChoice): string {
  return model.type === "real"
    ? `ANTHROPIC_API_KEY is set: both runs ask the real model at ${model.baseUrl}, and that costs money. Press Ctrl-C now if you do not want it, or unset the variable.`
    : "ANTHROPIC_API_KEY is not set: a rehearsal model answers. The agent, Git and Kubernetes are real; nothing is spent.";
}
