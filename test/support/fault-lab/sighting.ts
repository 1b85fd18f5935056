import type { JobView, PodView, RunObject } from "@orchestrator/core";

/** One state of one object, as the API server told it; gone, its last one. */
export type Sighting =
  | { kind: "run"; run: RunObject; gone: boolean }
  | { kind: "job"; job: JobView; gone: boolean }
  | { kind: "pod"; pod: PodView; gone: boolean }
  | { kind: "configMap"; name: string; gone: boolean };

/** All that has been seen of one run, and what of it there is now. Jobs and pods by UID. */
export interface RunRecord {
  sightings: (Sighting & { resourceVersion: number })[];
  run?: RunObject;
  jobs: Map<string, JobView>;
  pods: Map<string, PodView>;
  configMaps: Set<string>;
}
