import { readFile } from "node:fs/promises";
import { Agent, request } from "undici";
import type { CertificateFiles } from "./certificates.ts";

/** A probe that is content once a GET of `url` is answered with 200, and throws what was answered instead until then. */
export function httpsReady(
  url: string,
  { caFile, client }: { caFile: string; client?: CertificateFiles },
): (signal: AbortSignal) => Promise<void> {
  return async (signal) => {
    const agent = new Agent({
      connect: {
        ca: await readFile(caFile),
        ...(client && { cert: await readFile(client.certFile), key: await readFile(client.keyFile) }),
      },
    });
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(5_000)]);
      const answer = await request(url, { dispatcher: agent, signal: limit });
      const text = await answer.body.text();
      if (answer.statusCode !== 200) throw new Error(`GET ${url} answered ${answer.statusCode}: ${text.slice(0, 500)}`);
    } finally {
      await agent.destroy();
    }
  };
}
