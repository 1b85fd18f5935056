import { onCluster } from "./cluster-lab.ts";

const operators = ["docs-generation-operator", "task-implementation-operator"];

/** Waits until the newest version of both operators is up. */
export async function rolledOut(): Promise<void> {
  for (const name of operators) {
    await onCluster("-n", "orchestrator-system", "rollout", "status", `deployment/${name}`, "--timeout=180s");
  }
}
