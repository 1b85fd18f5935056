import { z } from "zod";
import { reasons, type Reason } from "../run/reason.ts";
import { runResult, usage } from "../api/status.ts";

/** The kubelet cuts each message to 12,288 bytes divided by all containers of the pod; we stay well below. */
export const terminationMessageLimit = 2000;

const reason = z.enum(Object.keys(reasons) as [Reason, ...Reason[]]);
export const verdict = z.object({
  reason,
  message: z.string(),
  /** Another attempt cannot help, whatever the reason's class says: the work to go on from is lost, or the turns are used up. */
  final: z.literal(true).optional(),
});
export type Verdict = z.infer<typeof verdict>;

/** Written by `prepare` when it ends the pod. */
export const prepareMessage = z.object({ version: z.literal(1), verdict });
export type PrepareMessage = z.infer<typeof prepareMessage>;

/** Task ids as ranges: `1-4,7`. */
const taskRanges = z.string();

export const delivery = z.object({
  outcome: z.enum(["Delivered", "UpToDate", "IncompleteDocs", "NothingDelivered"]),
  result: runResult.optional(),
  tasks: z.object({ delivered: taskRanges, upToDate: taskRanges, failed: taskRanges }).optional(),
});
export type Delivery = z.infer<typeof delivery>;

/** Written by the gateway on its SIGTERM. The only source of success, cost, delivery and model reasons. */
export const gatewayMessage = z.object({
  version: z.literal(1),
  verdict: verdict.optional(),
  delivery: delivery.optional(),
  /** Where the work is that was pushed, and not delivered. */
  result: runResult.optional(),
  /** Of this attempt alone. */
  usage,
  /** Of the round, with attempts that could not report because their node was lost. */
  roundUsage: usage.optional(),
  /** How long the provider asked to wait, with the reasons RateLimited and ModelOverloaded. */
  retryAfterSeconds: z.int().optional(),
  /** The work, the session and the ledger are kept for a next attempt, or the session for a next round; or see `pushedOnly`. */
  resumable: z.boolean().optional(),
  /** It is on the run's branch that the work can be gone on from, and the session is not kept. */
  pushedOnly: z.literal(true).optional(),
  /** Why what was to be kept there is not kept, or not all of it. */
  notKept: z.string().optional(),
  /** The model id that the provider answered with. */
  model: z.string().optional(),
});
export type GatewayMessage = z.infer<typeof gatewayMessage>;

/** Written by the agent container; can be forged by the agent, so it decides nothing that the gateway can tell. */
export const agentMessage = z.object({
  version: z.literal(1),
  verdict: verdict.optional(),
  exitCode: z.int().optional(),
  sessionId: z.string().optional(),
  agentVersion: z.string().optional(),
  /** Docs: why tasks were not completed, cut to what fits. */
  failedTasks: z.array(z.object({ id: z.int(), reason, message: z.string().optional() })).optional(),
});
export type AgentMessage = z.infer<typeof agentMessage>;
