import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { createLogger, KubernetesClient, loadConnection } from "@orchestrator/controller-runtime";
import { localImages } from "../images.ts";
import { startNode } from "./node.ts";

const needed = ["directory", "kubeconfig", "certificate", "key", "client-ca"] as const;
const { values } = parseArgs({
  options: {
    directory: { type: "string" },
    kubeconfig: { type: "string" },
    certificate: { type: "string" },
    key: { type: "string" },
    "client-ca": { type: "string" },
    name: { type: "string", default: "local" },
    port: { type: "string", default: "0" },
    cpu: { type: "string" },
    memory: { type: "string" },
  },
});
const missing = needed.filter((name) => values[name] === undefined);
if (missing.length > 0) {
  process.stderr.write(`node: needed are also ${missing.map((name) => `--${name}`).join(", ")}\n`);
  process.exit(64);
}
const text = (name: (typeof needed)[number]): Promise<string> => readFile(values[name] ?? "", "utf8");
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
process.once("SIGINT", () => stop.abort());
const connection = await loadConnection({ kubeconfig: values.kubeconfig, env: {} });
const client = new KubernetesClient({ connection, userAgent: "local-node" });
const { hostname: host, port: serverPort } = new URL(connection.server);
const node = await startNode({
  client,
  name: values.name,
  directory: values.directory ?? "",
  images: await localImages(),
  serverAddress: { host, port: Number(serverPort || 443) },
  tls: { key: await text("key"), cert: await text("certificate"), clientCa: await text("client-ca") },
  port: Number(values.port),
  capacity: {
    ...(values.cpu === undefined ? {} : { cpu: values.cpu }),
    ...(values.memory === undefined ? {} : { memory: values.memory }),
  },
  logger: createLogger({ level: "info", name: "node" }),
  signal: stop.signal,
});
try {
  await node.ended;
} finally {
  await client.close();
}
