import { z } from "zod";

export const phase = z.enum(["Pending", "Running", "Succeeded", "Failed"]);
export type Phase = z.infer<typeof phase>;

export const condition = z.object({
  type: z.string().max(316),
  status: z.enum(["True", "False", "Unknown"]),
  reason: z.string().max(1024),
  message: z.string().max(32768),
  lastTransitionTime: z.string(),
  observedGeneration: z.int().optional(),
});
export type Condition = z.infer<typeof condition>;

export const usage = z.object({
  inputTokens: z.int(),
  outputTokens: z.int(),
  cacheReadTokens: z.int(),
  cacheCreationTokens: z.int(),
  costUsd: z.string().optional(),
  turns: z.int(),
});
export type Usage = z.infer<typeof usage>;

export const attempt = z.object({
  number: z.int().min(1),
  jobName: z.string(),
  startedAt: z.string().optional(),
  finishedAt: z.string().optional(),
  outcome: z.enum(["Running", "Succeeded", "Failed"]),
  reason: z.string().optional(),
  message: z.string().optional(),
  exitCode: z.int().optional(),
  sessionId: z.string().optional(),
  costUsd: z.string().optional(),
});
export type Attempt = z.infer<typeof attempt>;

export const runResult = z.object({
  branch: z.string().optional(),
  baseCommit: z.string().optional(),
  commit: z.string().optional(),
  filesChanged: z.int().optional(),
  pullRequest: z.object({ number: z.int(), url: z.string() }).optional(),
});
export type RunResult = z.infer<typeof runResult>;

export const provenance = z.object({
  image: z.string().optional(),
  agentVersion: z.string().optional(),
  model: z.string().optional(),
  settingsHash: z.string().optional(),
  promptHash: z.string().optional(),
});

/** Status of a run; `phase` is a view of the condition `Succeeded`. */
export const runStatus = z.object({
  observedGeneration: z.int().optional(),
  phase: phase.default("Pending"),
  conditions: z.array(condition).max(8).optional(),
  message: z.string().optional(),
  attempts: z.array(attempt).max(10).optional(),
  startTime: z.string().optional(),
  completionTime: z.string().optional(),
  usage: usage.optional(),
  totalCostUsd: z.string().optional(),
  result: runResult.optional(),
  provenance: provenance.optional(),
});
export type RunStatus = z.infer<typeof runStatus>;

export const taskCounts = z.object({
  summary: z.string().optional(),
  total: z.int(),
  delivered: z.int(),
  upToDate: z.int(),
  failed: z.int(),
  notDelivered: z
    .array(z.object({ id: z.int(), reason: z.string(), message: z.string().optional() }))
    .max(50)
    .optional(),
});
export type TaskCounts = z.infer<typeof taskCounts>;

export const docsGenerationRunStatus = runStatus.extend({ tasks: taskCounts.optional() });
export type DocsGenerationRunStatus = z.infer<typeof docsGenerationRunStatus>;
