import { z } from "zod";

/** What a forge does wrong on demand, until told otherwise. */
export const faults = z.strictObject({
  /** Text with which every push is refused. */
  refusePush: z.string().min(1).optional(),
  /** Beginning of the names of refs that are not taken, such as `refs/orchestrator/`. */
  refuseRefs: z.string().min(1).optional(),
  /** Status with which every request about pull requests is answered. */
  pullRequestStatus: z.int().min(400).max(599).optional(),
  /** How long every request waits before it is looked at. */
  delayMs: z.int().min(0).optional(),
});
export type Faults = z.infer<typeof faults>;
