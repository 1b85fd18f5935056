import { z } from "zod";

/**
 * One JSON line of the agent container's log. For people and for tools that show them what goes on; nothing decides by it,
 * because the agent can write such lines too.
 */
export const progressLine = z.object({
  time: z.string(),
  step: z.enum(["run", "session", "tool", "retry", "task", "verify", "deliver", "report"]),
  /** A sentence for a person. */
  message: z.string(),
  /** Docs: the task that the line is about. */
  task: z.int().optional(),
  tool: z.string().optional(),
  turns: z.int().optional(),
  tasksDone: z.int().optional(),
  tasksTotal: z.int().optional(),
  /** As the agent CLI estimates it; the status has the gateway's own sum. */
  costUsd: z.number().optional(),
});
export type ProgressLine = z.infer<typeof progressLine>;
