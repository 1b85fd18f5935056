import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { startRehearsalModel } from "./rehearsal-model.ts";

const { values } = parseArgs({
  options: {
    certificate: { type: "string" },
    key: { type: "string" },
    port: { type: "string", default: "0" },
    host: { type: "string", default: "127.0.0.1" },
  },
});
const { certificate, key, port, host } = values;
if ((certificate === undefined) !== (key === undefined)) {
  process.stderr.write("rehearsal-model: --certificate and --key are needed together\n");
  process.exit(64);
}
const model = await startRehearsalModel({
  port: Number(port),
  host,
  ...(certificate === undefined || key === undefined
    ? {}
    : { tls: { cert: await readFile(certificate, "utf8"), key: await readFile(key, "utf8") } }),
});
process.once("SIGTERM", () => void model.close());
process.once("SIGINT", () => void model.close());
process.stdout.write(`${JSON.stringify({ url: model.url })}\n`);
