import { z } from "zod";

const block = z.union([
  z.object({ type: z.literal("text"), text: z.string() }),
  z.object({ type: z.literal("tool_use"), name: z.string(), input: z.record(z.string(), z.unknown()) }),
  z.object({ type: z.string() }).transform(() => ({ type: "other" as const })),
]);

const content = z
  .union([z.string(), z.array(block)])
  .transform((value) => (typeof value === "string" ? [{ type: "text" as const, text: value }] : value));

/** The part of a Messages API request that a rehearsal looks at. */
export const messagesRequest = z.object({
  model: z.string(),
  stream: z.boolean().default(false),
  system: content.optional(),
  messages: z.array(z.object({ role: z.enum(["user", "assistant", "system"]), content })),
});
export type MessagesRequest = z.infer<typeof messagesRequest>;
