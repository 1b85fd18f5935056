import type { DocsGenerationRunSpec } from "../api/docs-generation-run.ts";
import type { TaskImplementationRunSpec } from "../api/task-implementation-run.ts";

/** What settings need to know of a run of either kind. */
export type SettingsRun = { metadata: { name: string; namespace: string } } & (
  | {
      kind: "DocsGenerationRun";
      spec: Pick<DocsGenerationRunSpec, "model" | "workingDirectory" | "targetTasks" | "force">;
    }
  | { kind: "TaskImplementationRun"; spec: Pick<TaskImplementationRunSpec, "model" | "taskId" | "agentTools"> }
);

/** What the operator decides about settings for all of its runs. */
export interface SettingsConfig {
  /** OTLP over HTTP, such as `http://collector.observability:4318`; absent: no telemetry. */
  telemetryEndpoint?: string | undefined;
}
