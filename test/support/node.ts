import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger, type KubernetesClient, type PodSpec, resources } from "@orchestrator/controller-runtime";
import { type ImageTable, type RunningNode, startNode } from "@orchestrator/local-cluster";
import { inject } from "vitest";

/** A node of the test's own: only pods made with its `place` come to it. */
export interface TestNode extends AsyncDisposable {
  name: string;
  directory: string;
  /** To be spread into a pod's spec. */
  place: Pick<PodSpec, "nodeSelector" | "tolerations">;
}

/** The image `shell` has this machine's programs and nothing else. */
const shellImages: ImageTable = new Map([
  [
    "shell",
    { entrypoint: ["sh", "-c"], env: {}, mounts: [{ hostPath: process.execPath, path: "/usr/local/bin/node" }] },
  ],
]);

/** Starts a node within this process; it ends, and its object is removed, with the test. */
export async function startTestNode(client: KubernetesClient): Promise<TestNode> {
  const cluster = inject("cluster");
  const name = `test-node-${randomBytes(3).toString("hex")}`;
  const directory = await mkdtemp(join(tmpdir(), "orchestrator-node-"));
  const { hostname: host, port } = new URL(cluster.server);
  const { keyFile, certFile } = cluster.serverCertificate;
  const node: RunningNode = await startNode({
    client,
    name,
    directory,
    images: shellImages,
    serverAddress: { host, port: Number(port) },
    tls: {
      key: await readFile(keyFile, "utf8"),
      cert: await readFile(certFile, "utf8"),
      clientCa: await readFile(cluster.caFile, "utf8"),
    },
    taints: [{ key: "test", value: name, effect: "NoSchedule" }],
    settings: { retryMs: 200, memoryPollMs: 50, volumeRefreshMs: 500, crashBackOff: { initialMs: 300, maxMs: 1_000 } },
    logger: createLogger({ level: "warn", name }),
    signal: AbortSignal.timeout(20 * 60_000),
  });
  return {
    name,
    directory,
    place: {
      nodeSelector: { "kubernetes.io/hostname": name },
      tolerations: [{ key: "test", operator: "Equal", value: name, effect: "NoSchedule" }],
    },
    [Symbol.asyncDispose]: async () => {
      await node.stop();
      await client.delete(resources.nodes, { name }, { signal: AbortSignal.timeout(30_000) });
      await rm(directory, { recursive: true, force: true });
    },
  };
}
