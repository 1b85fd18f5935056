import { outputFormat } from "@orchestrator/core/pure";
import { z } from "zod";

const source = z.object({
  /** `taskHash` of the task that the documents were written for. */
  hash: z.string(),
  format: outputFormat,
  /** UID of the run that wrote them: documents that are written again show it even where their text is the same. */
  run: z.string().optional(),
});

/** What `source.json` beside a task's documents holds. */
export type Source = z.infer<typeof source>;

export function formatSource({ hash, format, run }: Source): string {
  return `${JSON.stringify({ hash, format, run })}\n`;
}

/** Undefined where the text is no such file: documents of unknown origin count as not up to date. */
export function readSource(text: string): Source | undefined {
  try {
    return source.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
