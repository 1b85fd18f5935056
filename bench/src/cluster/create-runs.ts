import type { ResourceType } from "@orchestrator/controller-runtime";
import type { RunObject } from "@orchestrator/core";
import { newRun } from "../runs.ts";
import { inParallel } from "./in-parallel.ts";
import type { Stage } from "./stage.ts";

const creators = 8;

export interface CreatedRun {
  name: string;
  uid: string;
}

/** Creates runs as fast as the API server takes them from eight clients. `onCreated` is told of each. */
export async function createRuns(
  { client, namespace, signal }: Pick<Stage, "client" | "namespace" | "signal">,
  type: ResourceType<RunObject>,
  names: readonly string[],
  onCreated: (run: CreatedRun) => void = () => {},
): Promise<CreatedRun[]> {
  return await inParallel(creators, names, async (name) => {
    const { metadata } = await client.create(type, newRun(type, { namespace, name }), { signal });
    const run = { name, uid: metadata.uid ?? "" };
    onCreated(run);
    return run;
  });
}

/** `burst-00000`, `burst-00001` ... */
export function runNames(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(5, "0")}`);
}
