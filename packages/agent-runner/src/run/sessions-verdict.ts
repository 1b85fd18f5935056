import { formatTaskRanges, type Verdict } from "@orchestrator/core/pure";
import type { SessionRecord } from "../steps/step-files.ts";

/**
 * What the sessions of an attempt amount to, in whatever order they ended; undefined when none failed. Where all failed
 * for one reason, that is the reason; where some did their work, the documents are incomplete.
 */
export function sessionsVerdict(records: readonly SessionRecord[]): Verdict | undefined {
  const failed = records
    .flatMap(({ taskId, verdict }) => (verdict === undefined ? [] : [{ taskId, verdict }]))
    .toSorted((a, b) => a.taskId - b.taskId);
  const [first] = failed;
  if (first === undefined) return undefined;
  if (failed.length === records.length && failed.every(({ verdict }) => verdict.reason === first.verdict.reason)) {
    return first.verdict;
  }
  const ids = formatTaskRanges(
    failed.map(({ taskId }) => taskId),
    200,
  );
  const { reason, message } = first.verdict;
  return { reason: "IncompleteDocs", message: `Failed tasks: ${ids}; task ${first.taskId}: ${reason}: ${message}` };
}
