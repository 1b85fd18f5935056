import { readFile } from "node:fs/promises";
import { createLogger, type KubernetesClient } from "@orchestrator/controller-runtime";
import type { NodeOptions, NodeSettings } from "@orchestrator/local-cluster";
import type { TestCluster } from "./cluster.ts";

const settings: Partial<NodeSettings> = {
  heartbeatMs: 2_000,
  retryMs: 200,
  memoryPollMs: 50,
  volumeRefreshMs: 500,
  crashBackOff: { initialMs: 300, maxMs: 1_000 },
};

/** Options of a test's node, whose one image, `shell`, has this machine's programs and Node. */
export async function nodeOptions(options: {
  client: KubernetesClient;
  cluster: Pick<TestCluster, "server" | "serverCertificate" | "caFile">;
  name: string;
  directory: string;
  signal: AbortSignal;
}): Promise<NodeOptions> {
  const { client, cluster, name, directory, signal } = options;
  const { hostname: host, port } = new URL(cluster.server);
  const node = { hostPath: process.execPath, path: "/usr/local/bin/node" };
  return {
    client,
    name,
    directory,
    images: new Map([["shell", { entrypoint: ["sh", "-c"], env: { FROM_IMAGE: "yes" }, mounts: [node] }]]),
    serverAddress: { host, port: Number(port) },
    tls: {
      key: await readFile(cluster.serverCertificate.keyFile, "utf8"),
      cert: await readFile(cluster.serverCertificate.certFile, "utf8"),
      clientCa: await readFile(cluster.caFile, "utf8"),
    },
    taints: [{ key: "test", value: name, effect: "NoSchedule" }],
    settings,
    logger: createLogger({ level: "warn", name }),
    signal,
  };
}
