/** The model that runs of the cluster ask. */
export type ModelChoice = { type: "rehearsal" } | { type: "real"; apiKey: string; baseUrl: string };

/** The Secret whose key `api-key` opens the model, unless a run names another. */
export const DEFAULT_MODEL_SECRET = "orchestrator-model";

// Long, because the gateway keeps the key out of what is delivered, and a plain word may stand there.
const REHEARSAL_KEY = "rehearsal-key-00000000-opens-nothing";

/** Address and key of a model; the rehearsal takes any key. */
export function modelOf(
  choice: ModelChoice = { type: "rehearsal" },
  rehearsalUrl: string,
): { apiKey: string; baseUrl: string } {
  switch (choice.type) {
    case "real":
      return choice;
    case "rehearsal":
      return { apiKey: REHEARSAL_KEY, baseUrl: rehearsalUrl };
  }
}
