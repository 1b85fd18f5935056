import { z } from "zod";
import { docsGenerationRunSpec } from "../api/docs-generation-run.ts";
import { taskImplementationRunSpec } from "../api/task-implementation-run.ts";
import { SerializationError } from "../errors/serialization-error.ts";
import { camelKeys, isJsonObject } from "./camel-keys.ts";

const taskId = z.int32().min(1);

const jobType = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("docs_generation"),
    config: z
      .object({ targetTasks: z.array(taskId).optional(), forceOverwrite: z.boolean().default(false) })
      .prefault({}),
  }),
  z.object({
    type: z.literal("task_implementation"),
    config: z.object({ taskId, retryConfig: z.record(z.string(), z.unknown()).optional() }),
  }),
]);

/** What a run asks for, apart from the kind of object that asks. Written as it is, in camelCase. */
export type JobType = z.infer<typeof jobType>;

const cleanupDays: Readonly<Record<JobType["type"], number>> = { docs_generation: 3, task_implementation: 7 };
const models: Readonly<Record<JobType["type"], string>> = {
  docs_generation: docsGenerationRunSpec.shape.model.parse(undefined),
  task_implementation: taskImplementationRunSpec.shape.model.parse(undefined),
};

/**
 * Reads a job type whose fields are written in snake_case or camelCase.
 *
 * @throws {SerializationError} when it is neither of the two types, or a field of its config is missing or wrong.
 */
export function readJobType(value: unknown): JobType {
  const written = isJsonObject(value) ? camelKeys(value) : value;
  const config = isJsonObject(written) && isJsonObject(written["config"]) ? camelKeys(written["config"]) : undefined;
  const read = jobType.safeParse(config === undefined ? written : { ...(written as object), config });
  if (!read.success) throw SerializationError.reading("jobType", read.error);
  return read.data;
}

export function isDocsGeneration(job: Pick<JobType, "type">): boolean {
  return job.type === "docs_generation";
}

/** Days that the agent keeps its transcripts. */
export function cleanupPeriodDays(job: Pick<JobType, "type">): number {
  return cleanupDays[job.type];
}

/** The model where none is named. */
export function defaultModel(job: Pick<JobType, "type">): string {
  return models[job.type];
}
