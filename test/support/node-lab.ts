import type { KubernetesClient } from "@orchestrator/controller-runtime";
import { adminClient } from "./cluster.ts";
import { createNamespace, type TestNamespace } from "./namespace.ts";
import { startTestNode, type TestNode } from "./node.ts";
import { TestPods } from "./pods.ts";

/** A node of the test file's own, and a namespace whose pods run there. */
export interface NodeLab extends AsyncDisposable {
  client: KubernetesClient;
  node: TestNode;
  namespace: TestNamespace;
  pods: TestPods;
}

export async function startNodeLab(): Promise<NodeLab> {
  const client = await adminClient();
  const node = await startTestNode(client);
  const namespace = await createNamespace(client, "node");
  return {
    client,
    node,
    namespace,
    pods: new TestPods({ client, namespace: namespace.name, place: node.place }),
    [Symbol.asyncDispose]: async () => {
      await namespace.delete();
      await node[Symbol.asyncDispose]();
      await client.close();
    },
  };
}
