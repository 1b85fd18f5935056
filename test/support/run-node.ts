// Runs a node of a test in a process of its own; its one argument is JSON: cluster, name and directory.
import { KubernetesClient, loadConnection } from "@orchestrator/controller-runtime";
import { startNode } from "@orchestrator/local-cluster";
import type { TestCluster } from "./cluster.ts";
import { nodeOptions } from "./node-options.ts";

const { cluster, name, directory } = JSON.parse(process.argv[2] ?? "") as {
  cluster: Pick<TestCluster, "server" | "kubeconfig" | "caFile" | "serverCertificate">;
  name: string;
  directory: string;
};
const connection = await loadConnection({ kubeconfig: cluster.kubeconfig, env: {} });
const client = new KubernetesClient({ connection, userAgent: "test-node" });
const { signal } = new AbortController();
await startNode(await nodeOptions({ client, cluster, name, directory, signal }));
process.stdout.write("up\n");
