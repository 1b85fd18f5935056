import { readFile } from "node:fs/promises";
import { Agent, request } from "undici";
import type { CertificateFiles } from "./certificates.ts";

const ANSWER_LIMIT_MS = 5_000;

export interface ReadinessOptions {
  /** Authority of an https server. */
  caFile?: string;
  /** Who asks, when the server wants to know. */
  client?: CertificateFiles;
  /** Default `200`. `answers`: a server that answers anything is ready. */
  expect?: "200" | "answers";
}

/** A probe that is content once a GET of `url` is answered as expected, and throws what was seen instead until then. */
export function httpReady(url: string, options: ReadinessOptions = {}): (signal: AbortSignal) => Promise<void> {
  const { caFile, client, expect = "200" } = options;
  return async (signal) => {
    const agent = new Agent({
      connect: {
        ...(caFile !== undefined && { ca: await readFile(caFile) }),
        ...(client && { cert: await readFile(client.certFile), key: await readFile(client.keyFile) }),
      },
    });
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_LIMIT_MS)]);
      const answer = await request(url, { dispatcher: agent, signal: limit });
      const text = await answer.body.text();
      if (expect === "answers" || answer.statusCode === 200) return;
      throw new Error(`GET ${url} answered ${answer.statusCode}: ${text.slice(0, 500)}`);
    } finally {
      await agent.destroy();
    }
  };
}
