import type { Clock, KubernetesClient, Logger } from "@orchestrator/controller-runtime";
import type { ImageTable } from "./image-table.ts";
import type { MemoryWatch } from "./memory-watch.ts";
import type { PodEvents } from "./pod-events.ts";
import type { Tools } from "./sandbox/tools.ts";
import type { NodeSettings } from "./settings.ts";
import type { ClusterSources } from "./volumes/cluster-sources.ts";

/** What the pods of a node share. */
export interface NodeContext {
  client: KubernetesClient;
  clock: Clock;
  logger: Logger;
  settings: NodeSettings;
  images: ImageTable;
  tools: Tools;
  sources: ClusterSources;
  memoryWatch: MemoryWatch;
  events: PodEvents;
  /** Variables that tell every container where the API server is. */
  serviceEnvironment: Readonly<Record<string, string>>;
  allocatable: Readonly<Record<string, string>>;
  /** Absolute path; each pod has a folder in it. */
  podsDirectory: string;
}
