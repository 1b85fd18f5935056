import { z } from "zod";
import { budget } from "./budget.ts";
import { duration, notAbove } from "./duration.ts";
import { folder, objectName } from "./names.ts";
import { podSettings } from "./pod.ts";
import { retention } from "./retention.ts";
import { pattern } from "./rule.ts";

/** Fields that both kinds have, besides those whose default or optionality differs. */
export const sharedSpec = {
  workingDirectory: folder()
    .default(".")
    .describe("Folder of the repository that holds .taskmaster, written from the repository's root."),
  tag: pattern(128, { matches: /^[^\p{Cc}]+$/u, message: "must name a list of tasks.json, such as master" })
    .default("master")
    .describe("Which list of a tagged tasks.json is meant; a file without tags is its own list."),
  modelSecretRef: z
    .object({ name: objectName().describe("Name of the Secret.") })
    .optional()
    .describe(
      "Secret in the run's namespace whose key api-key opens the model. Default: the operator's setting, orchestrator-model.",
    ),
  suspend: z
    .boolean()
    .default(false)
    .describe("Holds the run before its next attempt for as long as it is true; an attempt under way goes on."),
  cancel: z
    .boolean()
    .default(false)
    .describe("Ends the run as Cancelled and keeps the object. It may only become true."),
  pendingTimeout: duration().default("10m").describe("How long the run may wait until its agent starts, such as 10m."),
  stallTimeout: duration()
    .default("15m")
    .describe(
      "How long an attempt may go without any output of its agent, such as 15m; without effect when longer than timeout.",
    ),
  deadline: duration()
    .default("24h")
    .describe(
      "How long a round may take in all, with its attempts and the waits between them, such as 24h. It ends an attempt under way, too.",
    ),
  budget: budget
    .optional()
    .describe("Hard limits of a round, over all its attempts and sessions; the run ends as BudgetExceeded."),
  retention: retention.optional().describe("When the run is deleted after its end. Absent: it is kept."),
  pod: podSettings.optional().describe("What the containers that run the agent need beyond the operator's defaults."),
};

/** The rules that both kinds have; `timeout` is that of a run which does not say. */
export function withSharedRules<S extends z.ZodObject>(spec: S, { timeout }: { timeout: string }): S {
  return notAbove(spec, {
    field: "timeout",
    limit: "deadline",
    unset: timeout,
    message:
      "timeout may not be longer than deadline (24h unless set), which ends the whole round: raise deadline, or lower timeout",
  });
}
