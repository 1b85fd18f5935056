import { cleanupPeriodDays, type JobType } from "../job-type/job-type.ts";

/** How many days the agent keeps transcripts. */
export function getCleanupPeriod(jobType: Pick<JobType, "type">): number {
  return cleanupPeriodDays(jobType);
}
