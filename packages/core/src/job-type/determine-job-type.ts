import type { DocsGenerationRunSpec } from "../api/docs-generation-run.ts";
import type { TaskImplementationRunSpec } from "../api/task-implementation-run.ts";
import { camelKeys, isJsonObject } from "./camel-keys.ts";
import { type JobType, readJobType } from "./job-type.ts";
import { docsTaskId, type TaskRun } from "./task-run.ts";

/** The part of a run that tells what is asked for. */
export type JobTypeRun =
  | { kind: "DocsGenerationRun"; spec: Pick<DocsGenerationRunSpec, "targetTasks" | "force"> }
  | { kind: "TaskImplementationRun"; spec: Pick<TaskImplementationRunSpec, "taskId"> }
  | Pick<TaskRun, "kind" | "spec">;

/**
 * What a run asks for: told by its kind, or for a TaskRun by its field `jobType`, else by its task id.
 *
 * @throws {SerializationError} when a TaskRun does not say it in a form that can be read.
 */
export function determineJobType(run: JobTypeRun): JobType {
  switch (run.kind) {
    case "DocsGenerationRun": {
      const { targetTasks, force } = run.spec;
      return {
        type: "docs_generation",
        config: { ...(targetTasks === undefined ? {} : { targetTasks }), forceOverwrite: force },
      };
    }
    case "TaskImplementationRun":
      return { type: "task_implementation", config: { taskId: run.spec.taskId } };
    case "TaskRun":
      return taskRunJobType(run.spec);
  }
}

function taskRunJobType(spec: TaskRun["spec"]): JobType {
  const fields = camelKeys(spec);
  const named = fields["jobType"];
  if (isJsonObject(named)) return readJobType(named);
  const byId = fields["taskId"] === docsTaskId ? "docs_generation" : "task_implementation";
  return readJobType({ type: named ?? byId, config: fields });
}
