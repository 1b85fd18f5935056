import { z } from "zod";
import { text } from "./rule.ts";

export const phase = z.enum(["Pending", "Suspended", "Running", "Retrying", "Succeeded", "Failed", "Cancelled"]);
export type Phase = z.infer<typeof phase>;

const time = (): z.ZodISODateTime => z.iso.datetime({ offset: true });
const count = (): z.ZodInt => z.int().min(0);
const message = (): z.ZodString => text(32_768);
/** What a program in the pod told; a termination message holds no more, so that no report can make a status illegal. */
const told = (): z.ZodString => text(4096);
const dollars = (): z.ZodString => text(32);

export const condition = z.object({
  type: text(316).describe("Name of the condition: Accepted, Succeeded, Delivered or Resumable."),
  status: z
    .enum(["True", "False", "Unknown"])
    .describe("Whether the condition holds; Unknown while it is not decided."),
  reason: text(1024).describe("One word for why the condition has this status."),
  message: message().describe("What happened and what to do about it."),
  lastTransitionTime: time().describe("When the status last changed."),
  observedGeneration: count().optional().describe("Generation of the run that the condition speaks of."),
});
export type Condition = z.infer<typeof condition>;

export const usage = z.object({
  inputTokens: count().describe("Tokens read by the model that were not in its cache."),
  outputTokens: count().describe("Tokens written by the model."),
  cacheReadTokens: count().describe("Tokens that the model read from its cache."),
  cacheCreationTokens: count().describe("Tokens that were put into the model's cache."),
  costUsd: dollars()
    .optional()
    .describe("Their price in US dollars, a decimal number; absent where no price is known."),
  turns: count().describe("Answers of the model."),
});
export type Usage = z.infer<typeof usage>;

export const attempt = z.object({
  number: z.int().min(1).describe("Which attempt this is, from 1, over the life of the run."),
  round: z.int().min(1).default(1).describe("Round that the attempt belongs to."),
  jobName: text(63).describe("Name of the attempt's Job."),
  startedAt: time().optional().describe("When the agent started."),
  finishedAt: time().optional().describe("When the attempt ended."),
  outcome: z.enum(["Running", "Succeeded", "Failed"]).describe("How the attempt ended, or that it has not."),
  reason: text(1024).optional().describe("One word for how the attempt ended."),
  message: message().optional().describe("What happened and what to do about it."),
  exitCode: z.int().optional().describe("Exit code of the agent's container."),
  sessionId: told().optional().describe("Id of the agent's session."),
  costUsd: dollars().optional().describe("What the attempt cost in US dollars, a decimal number."),
});
export type Attempt = z.infer<typeof attempt>;

export const runResult = z.object({
  branch: text(256).optional().describe("Branch that holds the work."),
  baseCommit: text(64).optional().describe("Commit that the work started from."),
  commit: text(64).optional().describe("Newest commit of the work."),
  filesChanged: count().optional().describe("How many files the work changes."),
  pullRequest: z
    .object({
      number: z.int().min(1).describe("Number of the pull request."),
      url: text(2048).describe("Where to read the pull request."),
    })
    .optional()
    .describe("The pull request that delivers the work."),
});
export type RunResult = z.infer<typeof runResult>;

export const provenance = z.object({
  image: told().optional().describe("Image that the agent ran in."),
  agentVersion: told().optional().describe("Version of the agent program."),
  model: told().optional().describe("Model id that the provider answered with."),
  settingsHash: text(128).optional().describe("Hash of the agent's settings."),
  promptHash: text(128).optional().describe("Hash of the prompt."),
});
export type Provenance = z.infer<typeof provenance>;

/** How often a round has been tried again. */
export const retries = z.object({
  infrastructure: count().describe("New attempts made after failures of the cluster, the forge or the network."),
  agent: count().describe("New attempts made after the agent failed."),
});
export type Retries = z.infer<typeof retries>;

/** Status of a run; `phase` is a view of the condition `Succeeded`. */
export const runStatus = z.object({
  observedGeneration: count().optional().describe("Generation of the run that this status speaks of."),
  phase: phase
    .default("Pending")
    .describe(
      "Where the run stands: Pending, Suspended, Running, Retrying, Succeeded (its work is delivered), Failed or Cancelled.",
    ),
  conditions: z
    .array(condition)
    .max(8)
    .optional()
    .describe(
      "Accepted, Succeeded and Delivered, and Resumable once something was to be kept; each with its reason and message.",
    ),
  message: message().optional().describe("Where the run stands, in a sentence."),
  round: z.int().min(1).optional().describe("Round that the run is in; a higher contextVersion starts the next."),
  retries: retries.optional().describe("How often the current round has been tried again, by what went wrong."),
  nextAttemptAt: time().optional().describe("When the next attempt is due, while the run waits for it."),
  attempts: z.array(attempt).max(10).optional().describe("The newest attempts, oldest first."),
  startTime: time()
    .optional()
    .describe("When the current round began: the first with the run, a later one when it was asked for."),
  completionTime: time().optional().describe("When the run ended."),
  usage: usage
    .optional()
    .describe("What the current round used of the model, over all its attempts, as of the last that ended."),
  totalCostUsd: dollars().optional().describe("What all rounds of the run cost in US dollars, a decimal number."),
  result: runResult.optional().describe("What was delivered."),
  provenance: provenance.optional().describe("What the work was made with."),
});
export type RunStatus = z.infer<typeof runStatus>;

export const taskCounts = z.object({
  summary: text(128).optional().describe("The counts in short, such as 3/4: tasks that have their documents, of all."),
  total: count().describe("Tasks that the run is about."),
  delivered: count().describe("Tasks whose documents were written and delivered."),
  upToDate: count().describe("Tasks that had not changed since their documents were written."),
  failed: count().describe("Tasks whose documents could not be delivered."),
  notDelivered: z
    .array(
      z.object({
        id: z.int().describe("Id of the task."),
        reason: text(1024).describe("One word for why."),
        message: message().optional().describe("What happened."),
      }),
    )
    .max(50)
    .optional()
    .describe("The tasks that were not delivered, at most 50 of them."),
});
export type TaskCounts = z.infer<typeof taskCounts>;

export const docsGenerationRunStatus = runStatus.extend({
  tasks: taskCounts.optional().describe("How the tasks of the run are doing."),
});
export type DocsGenerationRunStatus = z.infer<typeof docsGenerationRunStatus>;
