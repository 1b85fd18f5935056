import { createHash } from "node:crypto";

/** One block of a model's answer. */
export type AnswerBlock =
  | { type: "text"; text: string }
  | { type: "tool_use"; name: string; input: Record<string, unknown> };

export interface Answer {
  model: string;
  blocks: AnswerBlock[];
  /** How many tool calls the conversation had before; usage grows with it as a real one does. */
  calls: number;
  /** How many messages the conversation had before: the same answer in another place has ids of its own. */
  messages: number;
}

/** Ids by which the provider answers to an alias. */
const aliases: Readonly<Record<string, string>> = {
  opus: "claude-opus-5-5",
  sonnet: "claude-sonnet-5-5",
  haiku: "claude-haiku-5-5",
};

const firstPromptTokens = 9000;
const tokensPerCall = 400;
const charactersPerToken = 4;

/** A message of the API. The same answer to the same conversation always has the same ids and usage. */
function message({ model, blocks, calls, messages }: Answer) {
  const identity = createHash("sha256")
    .update(JSON.stringify([model, blocks, messages]))
    .digest("hex")
    .slice(0, 24);
  const content = blocks.map((block, index) =>
    block.type === "tool_use" ? { ...block, id: `toolu_${identity.slice(2)}${String(index).padStart(2, "0")}` } : block,
  );
  return {
    id: `msg_${identity}`,
    type: "message",
    role: "assistant",
    model: aliases[model] ?? model,
    content,
    stop_reason: blocks.some(({ type }) => type === "tool_use") ? "tool_use" : "end_turn",
    stop_sequence: null,
    usage: {
      input_tokens: 12,
      cache_creation_input_tokens: calls === 0 ? firstPromptTokens : tokensPerCall,
      cache_read_input_tokens: calls === 0 ? 0 : firstPromptTokens + (calls - 1) * tokensPerCall,
      output_tokens: Math.ceil(JSON.stringify(blocks).length / charactersPerToken),
    },
  };
}

/** The answer as one JSON body. */
export function answerBody(answer: Answer): string {
  return JSON.stringify(message(answer));
}

/** The answer as the events of a stream, each ready to be written. */
export function* answerEvents(answer: Answer): Generator<string> {
  const { content, stop_reason, usage, ...head } = message(answer);
  const start = { ...head, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } };
  yield event("message_start", { message: start });
  for (const [index, block] of content.entries()) {
    const isText = block.type === "text";
    yield event("content_block_start", {
      index,
      content_block: isText ? { type: "text", text: "" } : { ...block, input: {} },
    });
    for (const part of parts(isText ? block.text : JSON.stringify(block.input))) {
      const delta = isText ? { type: "text_delta", text: part } : { type: "input_json_delta", partial_json: part };
      yield event("content_block_delta", { index, delta });
    }
    yield event("content_block_stop", { index });
  }
  yield event("message_delta", {
    delta: { stop_reason, stop_sequence: null },
    usage: { output_tokens: usage.output_tokens },
  });
  yield event("message_stop", {});
}

const partLength = 80;

function parts(text: string): string[] {
  return text.match(new RegExp(`[\\s\\S]{1,${partLength}}`, "gu")) ?? [];
}

function event(type: string, data: Record<string, unknown>): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
}
