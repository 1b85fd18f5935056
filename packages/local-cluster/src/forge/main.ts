import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { startForge } from "./forge.ts";

const { values } = parseArgs({
  options: {
    directory: { type: "string" },
    certificate: { type: "string" },
    key: { type: "string" },
    port: { type: "string" },
    host: { type: "string" },
    url: { type: "string" },
  },
});
const { directory, certificate, key, port, host, url } = values;
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
});
process.once("SIGTERM", () => void forge.close());
process.once("SIGINT", () => void forge.close());
// The token stands in forge.json, not here.
process.stdout.write(`${JSON.stringify({ url: forge.url, apiUrl: forge.apiUrl })}\n`);
