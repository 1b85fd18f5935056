import { z } from "zod";
import { outputFormat } from "../api/docs-generation-run.ts";
import { markdownFileType } from "../api/task-implementation-run.ts";
import { provider } from "../api/repository.ts";

const shared = {
  version: z.literal(1),
  name: z.string(),
  namespace: z.string(),
  uid: z.string(),
  attempt: z.int(),
  /** Alias or id, as in the spec. */
  model: z.string(),
  modelBaseUrl: z.string(),
  modelSecretName: z.string(),
  repository: z.object({
    url: z.string(),
    /** What the work starts from and the pull request targets. */
    branch: z.string(),
    provider,
    apiUrl: z.string().optional(),
    secretName: z.string().optional(),
  }),
  /** The run's own branch. */
  branch: z.string(),
  workingDirectory: z.string(),
  tag: z.string(),
  timeoutSeconds: z.number(),
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
    /** `key` is the file's name in the ConfigMap. */
    markdownFiles: z.array(z.object({ filename: z.string(), fileType: markdownFileType, key: z.string() })),
  }),
]);
export type RunInputs = z.infer<typeof runInputs>;
export type DocsRunInputs = Extract<RunInputs, { kind: "DocsGenerationRun" }>;
export type ImplementationRunInputs = Extract<RunInputs, { kind: "TaskImplementationRun" }>;
