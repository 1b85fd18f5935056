import { z } from "zod";

/** The lines of the agent CLI's stream that the runner looks at, with what it reads of each. */
const streamMessage = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("system"),
    subtype: z.string(),
    /** `init` */
    session_id: z.string().optional(),
    model: z.string().optional(),
    permissionMode: z.string().optional(),
    claude_code_version: z.string().optional(),
    /** `api_retry` */
    attempt: z.number().optional(),
    max_retries: z.number().optional(),
    error_status: z.number().nullish(),
    error: z.string().nullish(),
  }),
  z.object({
    type: z.literal("assistant"),
    parent_tool_use_id: z.string().nullish(),
    message: z.object({
      id: z.string(),
      content: z.array(z.object({ type: z.string(), name: z.string().optional() })),
    }),
  }),
  z.object({
    type: z.literal("result"),
    subtype: z.string(),
    is_error: z.boolean(),
    api_error_status: z.number().nullish(),
    result: z.string().nullish(),
    errors: z.array(z.unknown()).nullish(),
    total_cost_usd: z.number().nullish(),
  }),
]);
export type StreamMessage = z.infer<typeof streamMessage>;
export type ResultMessage = Extract<StreamMessage, { type: "result" }>;

/** Undefined for lines that are no JSON and for messages of other types and shapes, which newer agents may send. */
export function readStreamLine(line: string): StreamMessage | undefined {
  try {
    return streamMessage.safeParse(JSON.parse(line)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
