import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { sampleFiles } from "../cluster/sample-files.ts";
import { startForge } from "./forge.ts";

const { values } = parseArgs({
  options: {
    directory: { type: "string" },
    certificate: { type: "string" },
    key: { type: "string" },
    port: { type: "string" },
    host: { type: "string" },
    url: { type: "string" },
    /** File with the token. */
    token: { type: "string" },
    /** Begins with the repository that the samples are about. */
    sample: { type: "boolean" },
  },
});
const { directory, certificate, key, port, host, url, token, sample } = values;
if (directory === undefined || certificate === undefined || key === undefined) {
  process.stderr.write("forge: --directory, --certificate and --key are needed\n");
  process.exit(64);
}
const forge = await startForge({
  directory,
  env: process.env,
  tls: { cert: await readFile(certificate, "utf8"), key: await readFile(key, "utf8") },
  ...(port === undefined ? {} : { port: Number(port) }),
  ...(host === undefined ? {} : { host }),
  ...(url === undefined ? {} : { url }),
  ...(token === undefined ? {} : { token: (await readFile(token, "utf8")).trim() }),
});
// Readable without the token, so that a browser shows its pull requests.
if (sample === true) await forge.createRepository("local/backlog", sampleFiles, { private: false });
process.once("SIGTERM", () => void forge.close());
process.once("SIGINT", () => void forge.close());
// The token is not told here.
process.stdout.write(`${JSON.stringify({ url: forge.url, apiUrl: forge.apiUrl })}\n`);
