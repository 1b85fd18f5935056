import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type KubernetesClient, type PodSpec, resources } from "@orchestrator/controller-runtime";
import { type NodeOptions, startNode } from "@orchestrator/local-cluster";
import { inject } from "vitest";
import { nodeOptions } from "./node-options.ts";

/** A node of the test's own: only pods made with its `place` come to it. */
export interface TestNode extends AsyncDisposable {
  name: string;
  directory: string;
  /** Where it serves logs. */
  port: number;
  /** To be spread into a pod's spec. */
  place: Pick<PodSpec, "nodeSelector" | "tolerations">;
}

/** A name that no other node of the cluster has. */
export function nodeName(): string {
  return `test-node-${randomBytes(3).toString("hex")}`;
}

/** What places a pod on this node, to be spread into its spec. */
export function placeOn(name: string): TestNode["place"] {
  return {
    nodeSelector: { "kubernetes.io/hostname": name },
    tolerations: [{ key: "test", operator: "Equal", value: name, effect: "NoSchedule" }],
  };
}

/** Starts a node within this process; it ends, and its object is removed, with the test. */
export async function startTestNode(client: KubernetesClient, overrides: Partial<NodeOptions> = {}): Promise<TestNode> {
  const name = nodeName();
  const directory = await mkdtemp(join(tmpdir(), "orchestrator-node-"));
  const signal = AbortSignal.timeout(20 * 60_000);
  const node = await startNode({
    ...(await nodeOptions({ client, cluster: inject("cluster"), name, directory, signal })),
    ...overrides,
  });
  return {
    name,
    directory,
    port: node.port,
    place: placeOn(name),
    [Symbol.asyncDispose]: async () => {
      await node.stop();
      await client.delete(resources.nodes, { name }, { signal: AbortSignal.timeout(30_000) });
      await rm(directory, { recursive: true, force: true });
    },
  };
}
