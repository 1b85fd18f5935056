import { z } from "zod";

const tokens = z.object({
  input_tokens: z.int().nullish(),
  output_tokens: z.int().nullish(),
  cache_read_input_tokens: z.int().nullish(),
  cache_creation_input_tokens: z.int().nullish(),
});
const messageStart = z.object({
  type: z.literal("message_start"),
  message: z.object({ model: z.string(), usage: tokens }),
});
const messageDelta = z.object({ type: z.literal("message_delta"), usage: tokens.nullish() });
const messageStop = z.object({ type: z.literal("message_stop") });
const streamError = z.object({ type: z.literal("error"), error: z.object({ type: z.string(), message: z.string() }) });
const telling = z.discriminatedUnion("type", [messageStart, messageDelta, messageStop, streamError]);
const wholeMessage = z.object({ type: z.literal("message"), model: z.string(), usage: tokens });

/** Text, thoughts or the input of a tool, as JSON has them. */
const pieceOfText = /^data:.*"content_block_delta".*"(?:text|thinking|partial_json)":\s*"(?<text>(?:[^"\\]|\\.)*)"/;

/** What one answer of the provider says about itself. */
export interface AnswerUsage {
  /** The model that answered; absent when the answer named none. */
  model?: string;
  /** Whether the answer came to its end. */
  complete: boolean;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheCreationTokens: number;
  /** The error that ended a stream after it had begun. */
  error?: { type: string; message: string };
}

type Tokens = z.infer<typeof tokens>;

function empty(): AnswerUsage {
  return { complete: false, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 };
}

/** Later counts replace earlier ones: the provider's are sums as of the event that tells them. */
function count(usage: AnswerUsage, told: Tokens): void {
  usage.inputTokens = told.input_tokens ?? usage.inputTokens;
  usage.outputTokens = told.output_tokens ?? usage.outputTokens;
  usage.cacheReadTokens = told.cache_read_input_tokens ?? usage.cacheReadTokens;
  usage.cacheCreationTokens = told.cache_creation_input_tokens ?? usage.cacheCreationTokens;
}

/** Reads the usage out of an answer that is not streamed. Undefined when it is no message. */
export function usageOfMessage(text: string): AnswerUsage | undefined {
  const message = wholeMessage.safeParse(json(text)).data;
  if (message === undefined) return undefined;
  const usage = { ...empty(), model: message.model, complete: true };
  count(usage, message.usage);
  return usage;
}

/** How much of an answer is one token, in characters: rather too few, so that a limit is met early and not late. */
const charactersOfToken = 3;

/** Reads the usage out of a stream of server-sent events, piece by piece, keeping no more than one line. */
export class StreamUsage {
  readonly #usage: AnswerUsage = empty();
  /** Of the pieces of text that have come. */
  #characters = 0;
  /** Whether the provider has told how much it has written. */
  #told = false;
  readonly #decoder = new TextDecoder();
  #line = "";

  /** The provider tells what it has written when that is done: of an answer that was broken off before, it is estimated. */
  get usage(): AnswerUsage {
    const { outputTokens } = this.#usage;
    if (this.#told) return { ...this.#usage };
    return { ...this.#usage, outputTokens: Math.max(outputTokens, Math.ceil(this.#characters / charactersOfToken)) };
  }

  push(chunk: Uint8Array): void {
    const lines = (this.#line + this.#decoder.decode(chunk, { stream: true })).split("\n");
    this.#line = lines.pop() ?? "";
    for (const line of lines) this.#read(line);
  }

  #read(line: string): void {
    // Most lines are pieces of text; only few kinds of event are worth parsing.
    this.#characters += lengthOfPiece(line);
    if (!/^data:.*"(message_start|message_delta|message_stop|error)"/.test(line)) return;
    const event = telling.safeParse(json(line.slice("data:".length))).data;
    switch (event?.type) {
      case undefined:
        return;
      case "message_start":
        this.#usage.model = event.message.model;
        count(this.#usage, event.message.usage);
        return;
      case "message_delta":
        if (event.usage) {
          count(this.#usage, event.usage);
          this.#told = true;
        }
        return;
      case "message_stop":
        this.#usage.complete = true;
        return;
      case "error":
        this.#usage.error = event.error;
    }
  }
}

function lengthOfPiece(line: string): number {
  return pieceOfText.exec(line)?.groups?.["text"]?.length ?? 0;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
