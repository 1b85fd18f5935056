/** What a run asks for, apart from the kind of object that asks. */
export type JobType =
  | { type: "docs_generation"; config: { targetTasks?: number[]; forceOverwrite: boolean } }
  | { type: "task_implementation"; config: { taskId: number; retryConfig?: Record<string, unknown> } };
