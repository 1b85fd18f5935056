import { z } from "zod";
import { duration } from "./duration.ts";
import { modelName } from "./names.ts";
import { repository } from "./repository.ts";
import { retryConfig } from "./retry-config.ts";
import { cel, uniqueItems } from "./rule.ts";
import { sharedSpec, withSharedRules } from "./shared-spec.ts";

export const outputFormat = z.enum(["Markdown", "MDX", "AsciiDoc"]);
export type OutputFormat = z.infer<typeof outputFormat>;

const targetTasks = cel(uniqueItems(z.array(z.int32().min(1)).max(1000)), {
  rule: "self.size() > 0",
  holds: (ids) => ids.length > 0,
  message: "is empty: name at least one task, or remove targetTasks to ask for every task that is still open",
});

/** What holds for a run that does not say. */
export const docsDefaults = { timeout: "1h", maxAgentRetries: 0 } as const;

const { timeout, maxAgentRetries } = docsDefaults;
const fields = z.object({
  repository: repository.describe("Git repository that holds the tasks and receives the documents."),
  ...sharedSpec,
  targetTasks: targetTasks
    .optional()
    .describe(
      "Ids of the tasks to document, each included whatever its state. Absent: every task that is not done, cancelled or deferred.",
    ),
  model: modelName().default("opus").describe("Model that writes the documents: an alias or a full model id."),
  force: z
    .boolean()
    .default(false)
    .describe("Write documents again even for tasks that have not changed since theirs were written."),
  outputFormat: outputFormat.default("Markdown").describe("Form of the documents: Markdown, MDX or AsciiDoc."),
  parallelism: z
    .int32()
    .min(1)
    .max(16)
    .default(4)
    .describe("How many tasks are worked on at once, each in an agent session of its own."),
  timeout: duration().default(timeout).describe("How long one attempt may take from the agent's start, such as 1h."),
  retryConfig: retryConfig({ maxAgentRetries }),
});

export const docsGenerationRunSpec = withSharedRules(fields, { timeout });
export type DocsGenerationRunSpec = z.infer<typeof docsGenerationRunSpec>;
