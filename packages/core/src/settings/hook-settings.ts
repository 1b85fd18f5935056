import { z } from "zod";

const commandHook = z.strictObject({
  type: z.literal("command"),
  command: z.string().min(1),
  /** Seconds; a hook that takes longer does not keep the session from stopping. */
  timeout: z.int().min(1),
});

/** Commands that the agent calls. `Stop` runs when a session wants to stop, not on an error, a limit or a signal. */
export const hookSettings = z.strictObject({
  Stop: z.array(z.strictObject({ hooks: z.array(commandHook).min(1) })).optional(),
});
export type HookSettings = z.infer<typeof hookSettings>;
