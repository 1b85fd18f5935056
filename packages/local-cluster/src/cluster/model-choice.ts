/** The model that runs of the cluster ask. */
export type ModelChoice = { type: "rehearsal" } | { type: "real"; apiKey: string; baseUrl: string };

/** The Secret whose key `api-key` opens the model, unless a run names another. */
export const DEFAULT_MODEL_SECRET = "orchestrator-model";

/** Address and key of a model; the rehearsal takes any key. */
export function modelOf(
  choice: ModelChoice = { type: "rehearsal" },
  rehearsalUrl: string,
): { apiKey: string; baseUrl: string } {
  switch (choice.type) {
    case "real":
      return choice;
    case "rehearsal":
      return { apiKey: "rehearsal", baseUrl: rehearsalUrl };
  }
}
