import { parseArgs } from "node:util";
import { createLogger, KubernetesClient, loadConnection } from "@orchestrator/controller-runtime";
import { runProvisioner } from "./provisioner.ts";

const { values } = parseArgs({
  options: {
    kubeconfig: { type: "string" },
    directory: { type: "string" },
    "health-port": { type: "string" },
  },
});
const { kubeconfig, directory } = values;
if (kubeconfig === undefined || directory === undefined) {
  process.stderr.write("provisioner: --kubeconfig and --directory are needed\n");
  process.exit(64);
}
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
process.once("SIGINT", () => stop.abort());
const connection = await loadConnection({ kubeconfig, env: process.env });
const client = new KubernetesClient({ connection, userAgent: "local-provisioner" });
const logger = createLogger({ level: "info", name: "provisioner" });
const healthPort = Number(values["health-port"] ?? 0);
try {
  await runProvisioner({ client, directory, logger, healthPort, signal: stop.signal });
} finally {
  await client.close();
}
