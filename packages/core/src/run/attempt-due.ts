import type { RunView } from "./observation.ts";

/** When a run's next attempt may start. */
export function attemptDue({ status, createdAt }: RunView): number {
  return Date.parse(status.nextAttemptAt ?? status.startTime ?? "") || createdAt;
}
