import type { OutputFormat } from "@orchestrator/core/pure";
import { outputFormat } from "@orchestrator/core/pure";
import { z } from "zod";

const source = z.object({
  /** `taskHash` of the task that the documents were written for. */
  hash: z.string(),
  format: outputFormat,
});

/** What `source.json` beside a task's documents holds. */
export type Source = z.infer<typeof source>;

export function formatSource(value: { hash: string; format: OutputFormat }): string {
  return `${JSON.stringify({ hash: value.hash, format: value.format })}\n`;
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
