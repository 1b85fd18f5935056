import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DocsRunInputs } from "@orchestrator/core/pure";
import { completeness, describeProblems } from "../documents/completeness.ts";
import { documentPaths } from "../documents/document-paths.ts";
import { formatSource } from "../documents/source.ts";
import { readOptional } from "../steps/optional-file.ts";
import type { Paths } from "../steps/paths.ts";
import type { PlannedSession, SessionRecord } from "../steps/step-files.ts";

/** Marks the documents of a session that did its work as those of the task's text; otherwise says what they lack. */
export async function settleDocuments(
  record: SessionRecord,
  { inputs, session, paths }: { inputs: DocsRunInputs; session: PlannedSession; paths: Paths },
): Promise<SessionRecord> {
  if (record.verdict !== undefined || record.interrupted) return record;
  const { workingDirectory, outputFormat: format } = inputs;
  const problems = await completeness(session.taskId, {
    workingDirectory,
    format,
    readFile: (path) => readOptional(join(paths.repository, path)),
  });
  if (problems.length > 0) {
    return { ...record, verdict: { reason: "IncompleteDocs", message: describeProblems(problems) } };
  }
  const { source } = documentPaths({ workingDirectory, format, taskId: session.taskId });
  await writeFile(join(paths.repository, source), formatSource({ hash: session.hash, format, run: inputs.uid }));
  return record;
}
