import { type ResourceType, resources } from "@orchestrator/controller-runtime";
import { annotations, type RunObject } from "@orchestrator/core";
import { inParallel } from "./in-parallel.ts";
import type { Stage } from "./stage.ts";

const atOnce = 8;

/** Removes these runs and what they have left. */
export async function forget(stage: Stage, type: ResourceType<RunObject>, runs: readonly string[]): Promise<void> {
  const { client, namespace, signal } = stage;
  const names = new Set(runs);
  const options = { propagationPolicy: "Background", gracePeriodSeconds: 0, signal } as const;
  const { items } = await client.list(resources.configMaps, { namespace, signal });
  const attempts = items.filter(({ metadata }) => names.has(metadata.annotations?.[annotations.runName] ?? ""));
  await inParallel(atOnce, attempts, async ({ metadata: { name } }) => {
    for (const kind of [resources.jobs, resources.pods, resources.configMaps]) {
      await client.delete(kind, { namespace, name }, options);
    }
  });
  await inParallel(atOnce, runs, (name) => client.delete(type, { namespace, name }, options));
}
