import { z } from "zod";
import { repository } from "./repository.ts";
import { sharedSpec } from "./shared-spec.ts";

export const markdownFileType = z.enum(["task", "design-spec", "prompt", "context", "acceptance-criteria"]);
export const markdownFile = z.object({
  filename: z.string().min(1).max(255),
  content: z.string().max(65536),
  fileType: markdownFileType,
});
export type MarkdownFile = z.infer<typeof markdownFile>;

export const agentTool = z.object({
  name: z.string().min(1).max(128),
  enabled: z.boolean().default(true),
  restrictions: z.array(z.string().min(1).max(256)).max(64).optional(),
  config: z.record(z.string(), z.unknown()).optional(),
});
export type AgentTool = z.infer<typeof agentTool>;

export const taskImplementationRunSpec = z.object({
  repository,
  ...sharedSpec,
  taskId: z.int32().min(1),
  serviceName: z.string().min(1).max(63),
  agentName: z.string().min(1).max(63),
  model: z.string().min(1).max(256).default("sonnet"),
  contextVersion: z.int32().min(1).max(1).default(1),
  markdownFiles: z.array(markdownFile).max(32).optional(),
  agentTools: z.array(agentTool).max(64).optional(),
  timeout: z.string().default("2h"),
});
export type TaskImplementationRunSpec = z.infer<typeof taskImplementationRunSpec>;
