import type { BackOff } from "./lifecycle/back-off.ts";

/** Times of a node, in milliseconds. */
export interface NodeSettings {
  /** Between two renewals of the node's Lease. Default 10,000. */
  heartbeatMs: number;
  /** Between two looks at the memory of containers that have a limit. Default 250. */
  memoryPollMs: number;
  /** Until missing volumes, ConfigMaps or Secrets are looked for again. Default 1,000. */
  retryMs: number;
  /** Between two updates of volumes that are made of objects. Default 30,000. */
  volumeRefreshMs: number;
  /** Before a container that ended is started again, and an image looked for again. Default 10,000 to 300,000. */
  crashBackOff: BackOff;
}

export const defaultSettings: NodeSettings = {
  heartbeatMs: 10_000,
  memoryPollMs: 250,
  retryMs: 1_000,
  volumeRefreshMs: 30_000,
  crashBackOff: { initialMs: 10_000, maxMs: 300_000 },
};
