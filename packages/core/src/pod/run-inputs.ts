import { z } from "zod";
import { outputFormat } from "../api/docs-generation-run.ts";
import { markdownFileType } from "../api/task-implementation-run.ts";
import { provider } from "../api/repository.ts";
import { usage } from "../api/status.ts";

const shared = {
  version: z.literal(1),
  name: z.string(),
  namespace: z.string(),
  uid: z.string(),
  round: z.int(),
  attempt: z.int(),
  /** Alias or id, as in the spec. */
  model: z.string(),
  modelBaseUrl: z.string(),
  modelSecretName: z.string(),
  repository: z.object({
    /** `file:` where the repository is that of the workspace. */
    url: z.string(),
    /** What the work starts from and the pull request targets. */
    branch: z.string(),
    provider,
    apiUrl: z.string().optional(),
    secretName: z.string().optional(),
  }),
  /** The service's workspace, where the run has one. */
  workspace: z.object({ claim: z.string() }).optional(),
  /** The run's own branch. */
  branch: z.string(),
  workingDirectory: z.string(),
  tag: z.string(),
  timeoutSeconds: z.number(),
  /** Without any output of the agent. */
  stallTimeoutSeconds: z.number(),
  /** Hard limits of the round, over all its attempts and sessions. */
  budget: z.object({ maxCostUsd: z.string().optional(), maxTurns: z.int().optional() }).optional(),
  /** What the round has used before this attempt, as far as the status knows. */
  spent: usage,
  /** Whether unfinished work and sessions are kept in the repository, to be gone on from. */
  keepWork: z.boolean(),
  /** Absent in a round's first attempt, unless an earlier round left work to go on from. */
  resume: z
    .object({
      /** Whether the agent's session is continued, or a new one starts on the work that is there. */
      session: z.boolean(),
      /** The agent had begun: when nothing of its work can be had, the attempt ends with the reason of `previous`. */
      required: z.boolean(),
      /** How the attempt before ended; the agent is told. */
      previous: z.object({ reason: z.string(), message: z.string() }).optional(),
    })
    .optional(),
};

/** `run.json` of the attempt's ConfigMap: what the programs in the pod know about their run. Holds no secret. */
export const runInputs = z.discriminatedUnion("kind", [
  z.object({
    ...shared,
    kind: z.literal("DocsGenerationRun"),
    targetTasks: z.array(z.int()).optional(),
    force: z.boolean(),
    outputFormat,
    parallelism: z.int(),
  }),
  z.object({
    ...shared,
    kind: z.literal("TaskImplementationRun"),
    taskId: z.int(),
    serviceName: z.string(),
    agentName: z.string(),
    /** What this round is asked for, in addition. */
    followUp: z.string().optional(),
    /** Commands that run after the agent; each must end with 0. */
    verify: z.array(z.string()),
    /** `key` is the file's name in the ConfigMap. */
    markdownFiles: z.array(z.object({ filename: z.string(), fileType: markdownFileType, key: z.string() })),
  }),
]);
export type RunInputs = z.infer<typeof runInputs>;
export type DocsRunInputs = Extract<RunInputs, { kind: "DocsGenerationRun" }>;
export type ImplementationRunInputs = Extract<RunInputs, { kind: "TaskImplementationRun" }>;
