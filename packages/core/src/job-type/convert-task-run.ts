import type { z } from "zod";
import { type DocsGenerationRunSpec, docsGenerationRunSpec } from "../api/docs-generation-run.ts";
import { type TaskImplementationRunSpec, taskImplementationRunSpec } from "../api/task-implementation-run.ts";
import { SerializationError } from "../errors/serialization-error.ts";
import { camelKeys, isJsonObject, type JsonObject } from "./camel-keys.ts";
import { determineJobType } from "./determine-job-type.ts";
import type { JobType } from "./job-type.ts";
import { docsTaskId, type TaskRun, taskRun } from "./task-run.ts";

interface Converted<Kind extends string, Spec> {
  apiVersion: "orchestrator.io/v1";
  kind: Kind;
  metadata: TaskRun["metadata"];
  spec: Spec;
}

/** A part of the TaskRun that the new run does not have. */
export interface NotCarriedOver {
  /** Path in the TaskRun, with the field's name in camelCase. */
  field: string;
  why: string;
}

export interface TaskRunConversion {
  /** Ready to be applied. */
  run:
    | Converted<"DocsGenerationRun", DocsGenerationRunSpec>
    | Converted<"TaskImplementationRun", TaskImplementationRunSpec>;
  notCarriedOver: NotCarriedOver[];
}

/** Kubernetes' own copy of the old object. */
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/**
 * Turns a TaskRun into the run that asks for the same today. Optional fields whose value is refused today, and fields
 * that are gone, are left out and named.
 *
 * @throws {SerializationError} when it is no TaskRun, or a field that the new run needs is missing or refused.
 */
export function convertTaskRun(object: unknown): TaskRunConversion {
  const read = taskRun.safeParse(object);
  if (!read.success) throw SerializationError.reading("TaskRun", read.error);
  const { metadata, spec, status } = read.data;
  const jobType = determineJobType(read.data);
  const fields = camelSpec(spec);
  const notCarriedOver = lostJobType(fields["jobType"], jobType);
  if (status !== undefined) notCarriedOver.push({ field: "status", why: "the new run starts from the beginning" });
  delete fields["jobType"];
  const subject = `TaskRun ${metadata.namespace === undefined ? "" : `${metadata.namespace}/`}${metadata.name}`;
  const carry = { subject, notes: notCarriedOver };
  const frame = { apiVersion: "orchestrator.io/v1", metadata: { ...metadata, ...keptAnnotations(metadata) } } as const;

  if (jobType.type === "task_implementation") {
    const carried = carryOver(taskImplementationRunSpec, { ...fields, ...jobType.config }, carry);
    return { run: { ...frame, kind: "TaskImplementationRun", spec: carried }, notCarriedOver };
  }
  if (fields["taskId"] === docsTaskId) delete fields["taskId"];
  delete fields["forceOverwrite"];
  const { forceOverwrite, ...config } = jobType.config;
  const carried = carryOver(docsGenerationRunSpec, { ...fields, ...config, force: forceOverwrite }, carry);
  return { run: { ...frame, kind: "DocsGenerationRun", spec: carried }, notCarriedOver };
}

const gone = "the new kind of run has no such field";

function lostJobType(written: unknown, read: JobType): NotCarriedOver[] {
  if (!isJsonObject(written) || !isJsonObject(written["config"])) return [];
  return lostFields(camelKeys(written["config"]), read.config, "spec.jobType.config").map((field) => ({
    field,
    why: gone,
  }));
}

function keptAnnotations({ annotations }: TaskRun["metadata"]): Pick<TaskRun["metadata"], "annotations"> {
  if (annotations === undefined) return {};
  const { [lastApplied]: _, ...kept } = annotations;
  return { annotations: kept };
}

/** Only what has fields of ours is renamed: keys of an MCP server's definition are the server's. */
function camelSpec(spec: TaskRun["spec"]): JsonObject {
  const camel = camelKeys(spec);
  for (const name of ["repository", "markdownFiles", "agentTools"]) {
    const value = camel[name];
    if (isJsonObject(value)) camel[name] = camelKeys(value);
    if (Array.isArray(value))
      camel[name] = value.map((item) => (isJsonObject(item) ? camelKeys(item) : (item as unknown)));
  }
  return camel;
}

function carryOver<S extends z.ZodObject>(
  schema: S,
  candidate: JsonObject,
  { subject, notes }: { subject: string; notes: NotCarriedOver[] },
): z.output<S> {
  const accepted = { ...candidate };
  const found = schema.safeParse(candidate);
  for (const { path, message } of found.error?.issues ?? []) {
    const field = String(path[0]);
    if (schema.shape[field]?.safeParse(undefined).success !== true) continue;
    delete accepted[field];
    notes.push({ field: ["spec", ...path].join("."), why: message });
  }
  const carried = schema.safeParse(accepted);
  // What was found at first says more than what is missing without it.
  if (!carried.success) throw SerializationError.reading(subject, found.error ?? carried.error);
  for (const field of lostFields(accepted, carried.data, "spec")) {
    notes.push({ field, why: gone });
  }
  return carried.data;
}

/** Paths that are in `given` and not in `kept`. */
function lostFields(given: unknown, kept: unknown, path: string): string[] {
  if (Array.isArray(given) && Array.isArray(kept)) {
    return given.flatMap((item, index) => lostFields(item, kept[index], `${path}.${String(index)}`));
  }
  if (!isJsonObject(given) || !isJsonObject(kept)) return [];
  return Object.entries(given).flatMap(([name, value]) =>
    Object.hasOwn(kept, name) ? lostFields(value, kept[name], `${path}.${name}`) : [`${path}.${name}`],
  );
}
