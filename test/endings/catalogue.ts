import { agent } from "./agent.ts";
import { configuration } from "./configuration.ts";
import type { Ending } from "./ending.ts";
import { infrastructure } from "./infrastructure.ts";
import { limit } from "./limit.ts";
import { provider } from "./provider.ts";
import { success } from "./success.ts";

/** Every way for a run to end that is caused for real, by class. */
export const catalogue: readonly Ending[] = [
  ...success,
  ...infrastructure,
  ...provider,
  ...agent,
  ...configuration,
  ...limit,
];
