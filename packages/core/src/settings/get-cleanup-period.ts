import type { JobType } from "../job-type/job-type.ts";

const days: Readonly<Record<JobType["type"], number>> = { docs_generation: 3, task_implementation: 7 };

/** How many days the agent keeps transcripts. */
export function getCleanupPeriod(jobType: Pick<JobType, "type">): number {
  return days[jobType.type];
}
