import { type ResourceType, resources } from "@orchestrator/controller-runtime";
import { docsRuns, implementationRuns } from "../runs.ts";
import type { Stage } from "./stage.ts";

const kinds: readonly ResourceType[] = [
  docsRuns,
  implementationRuns,
  resources.jobs,
  resources.pods,
  resources.configMaps,
  resources.events,
];

/** Removes all that runs have left. */
export async function clear({ client, namespace, signal }: Stage): Promise<void> {
  for (const type of kinds) await clearKind({ client, namespace, signal }, type);
}

async function clearKind(
  { client, namespace, signal }: Pick<Stage, "client" | "namespace" | "signal">,
  type: ResourceType,
): Promise<void> {
  const path = collection(type, namespace);
  const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background", gracePeriodSeconds: 0 };
  for (;;) {
    const { items } = await client.list(type, { namespace, limit: 1, signal });
    if (items.length === 0) return;
    await client.request({ method: "DELETE", path, body, signal });
  }
}

function collection({ group, version, plural }: ResourceType, namespace: string): string {
  const base = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${base}/namespaces/${namespace}/${plural}`;
}
