import { gunzipSync } from "node:zlib";
import { usage } from "@orchestrator/core/pure";
import { z } from "zod";

/** Where the agent CLI keeps the transcript of a session, below its own folder. */
const transcriptPath = z.string().regex(/^projects\/[\w.-]+\/[0-9a-f-]{36}\.jsonl$/);

/** The transcript of one session, as it travels between the pod and what is kept. */
export const transcript = z.object({
  sessionId: z.uuid(),
  /** Below the agent CLI's own folder. */
  path: transcriptPath,
  gzipBase64: z.base64(),
});
export type Transcript = z.infer<typeof transcript>;

/** `ledger.json` of what is kept. */
export const keptLedger = z.object({
  version: z.literal(1),
  round: z.int(),
  attempt: z.int(),
  /** Of the round, as of when it was written. */
  usage,
});
export type KeptLedger = z.infer<typeof keptLedger>;

/** `transcripts/index.json` of what is kept. */
export const transcriptIndex = z.array(transcript.omit({ gzipBase64: true }));

export const ledgerFile = "ledger.json";
export const indexFile = "transcripts/index.json";

export function transcriptFile(sessionId: string): string {
  return `transcripts/${sessionId}.jsonl.gz`;
}

/** Far above any transcript; what unpacks to more is none. */
const unpackedLimit = 256 * 1024 * 1024;

/** @throws where it is no gzip, or unpacks to more than a transcript may have */
export function transcriptText({ gzipBase64 }: Transcript): string {
  return gunzipSync(Buffer.from(gzipBase64, "base64"), { maxOutputLength: unpackedLimit }).toString("utf8");
}
