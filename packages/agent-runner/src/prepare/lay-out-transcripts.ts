import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { RunInputs } from "@orchestrator/core/pure";
import type { Resume } from "../steps/gateway-client.ts";
import type { Paths } from "../steps/paths.ts";

/**
 * Puts the transcripts of earlier sessions where the agent CLI looks for them.
 *
 * @returns ids of the sessions that can be continued; none where a new one is to begin
 */
export async function layOutTranscripts(
  resume: Resume,
  inputs: Pick<RunInputs, "resume">,
  paths: Pick<Paths, "claudeConfig">,
): Promise<ReadonlySet<string>> {
  if (resume.state === "none" || inputs.resume?.session !== true) return new Set();
  for (const { path, gzipBase64 } of resume.transcripts) {
    const file = join(paths.claudeConfig, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, gunzipSync(Buffer.from(gzipBase64, "base64")));
  }
  return new Set(resume.transcripts.map(({ sessionId }) => sessionId));
}
