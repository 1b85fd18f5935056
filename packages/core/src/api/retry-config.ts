import { z } from "zod";
import { duration, notAbove } from "./duration.ts";

const backoff = notAbove(
  z.object({
    initial: duration().default("10s").describe("How long to wait before the first new attempt, such as 10s."),
    max: duration()
      .default("10m")
      .describe("How long to wait at most; each new attempt waits about twice as long as the one before."),
  }),
  {
    field: "initial",
    limit: "max",
    unset: "10s",
    message: "initial may not be longer than max (10m unless set): lower initial, or raise max",
  },
);

const retries = (): z.ZodInt32 => z.int32().min(0).max(100);

/** `maxAgentRetries` is that of a run which does not say. */
function fields(maxAgentRetries: number) {
  return z.object({
    maxInfrastructureRetries: retries()
      .default(3)
      .describe(
        "How many new attempts a round may make after failures of the cluster, the forge or the network, such as a lost node.",
      ),
    maxAgentRetries: retries()
      .default(maxAgentRetries)
      .describe(
        "How many new attempts a round may make after the agent failed, each told what was wrong. Each costs tokens.",
      ),
    // Written out, for the API server puts a default to the rules before it fills the default in.
    backoff: backoff.default(backoff.parse({})).describe("How long to wait between two attempts."),
    resumeSession: z
      .boolean()
      .default(true)
      .describe("Whether a new attempt continues the agent's session; else a new session goes on from its work."),
  });
}
export type RetryConfig = z.infer<ReturnType<typeof fields>>;

/** How often a round is tried again, counted anew in each round. */
export function retryConfig(defaults: { maxAgentRetries: number }): z.ZodPrefault<ReturnType<typeof fields>> {
  return fields(defaults.maxAgentRetries)
    .prefault({})
    .describe("How often a round is tried again, and how; counted anew in each round.");
}
