import type { JobType } from "../job-type/job-type.ts";
import type { SettingsRun } from "./settings-run.ts";

/** The job type that a run's kind stands for, with what its spec says about it. */
export function determineJobType(run: SettingsRun): JobType {
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
  }
}
