import { z } from "zod";
import { duration } from "./duration.ts";
import { folder, objectName } from "./names.ts";
import { podSettings } from "./pod.ts";
import { pattern } from "./rule.ts";

/** Fields that both kinds have, besides `repository` and `timeout`, whose optionality and default differ. */
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
  pendingTimeout: duration().default("10m").describe("How long the run may wait until its agent starts."),
  pod: podSettings.optional().describe("What the containers that run the agent need beyond the operator's defaults."),
};
