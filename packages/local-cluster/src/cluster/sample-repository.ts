import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Agent, fetch } from "undici";
import { z } from "zod";
import type { SampleRepository } from "../quickstart/sample.ts";
import { sampleFiles } from "./sample-files.ts";

const forgeFile = z.object({ token: z.string() });
const created = z.object({ cloneUrl: z.string() });

/** What the local forge's token is called in the cluster. */
export const CREDENTIALS_SECRET = "repository-credentials";

/** The token of the forge that keeps its state in `directory`. */
export async function forgeToken(directory: string): Promise<string> {
  return forgeFile.parse(JSON.parse(await readFile(join(directory, "forge.json"), "utf8"))).token;
}

/** Makes the repository with the sample backlog in the local forge; one that is there already is left as it is. */
export async function ensureSampleRepository({
  forgeUrl,
  token,
  caFile,
  signal,
}: {
  forgeUrl: string;
  token: string;
  caFile: string;
  signal: AbortSignal;
}): Promise<SampleRepository> {
  const dispatcher = new Agent({ connect: { ca: await readFile(caFile) } });
  try {
    const response = await fetch(`${forgeUrl}/control/repositories`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      // Readable without the token, so that a browser shows its pull requests.
      body: JSON.stringify({ name: "local/backlog", files: sampleFiles, private: false }),
      dispatcher,
      signal,
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`the local forge refused the sample repository with ${response.status}: ${text}`);
    const { cloneUrl } = created.parse(JSON.parse(text));
    return {
      url: cloneUrl,
      branch: "main",
      provider: "GitHub",
      apiUrl: `${forgeUrl}/api/v3`,
      secretRef: { name: CREDENTIALS_SECRET },
    };
  } finally {
    await dispatcher.destroy();
  }
}
