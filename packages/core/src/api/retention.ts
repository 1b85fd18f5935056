import { z } from "zod";
import { duration } from "./duration.ts";

const longestHours = 8760;

/** When a run that has ended is deleted, counted from its end. */
export const retention = z.object({
  succeeded: duration({ longestHours })
    .optional()
    .describe("How long the run is kept after it succeeded, such as 168h. Absent: for ever."),
  failed: duration({ longestHours })
    .optional()
    .describe("How long the run is kept after it failed or was cancelled, such as 720h. Absent: for ever."),
});
export type Retention = z.infer<typeof retention>;
