import { z } from "zod";
import { repository } from "./repository.ts";
import { sharedSpec } from "./shared-spec.ts";

export const outputFormat = z.enum(["Markdown", "MDX", "AsciiDoc"]);
export type OutputFormat = z.infer<typeof outputFormat>;

export const docsGenerationRunSpec = z.object({
  repository,
  ...sharedSpec,
  targetTasks: z.array(z.int32().min(1)).min(1).max(1000).optional(),
  model: z.string().min(1).max(256).default("opus"),
  force: z.boolean().default(false),
  outputFormat: outputFormat.default("Markdown"),
  parallelism: z.int32().min(1).max(16).default(4),
  timeout: z.string().default("1h"),
});
export type DocsGenerationRunSpec = z.infer<typeof docsGenerationRunSpec>;
