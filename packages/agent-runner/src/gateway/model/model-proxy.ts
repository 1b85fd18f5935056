import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { Dispatcher } from "undici";
import type { Logger } from "pino";
import { RunFailure } from "../run-failure.ts";
import { type AnswerUsage, StreamUsage, usageOfMessage } from "./answer-usage.ts";
import { type ProviderError, statusOfErrorType } from "./provider-error.ts";

/** What the proxy saw come back for one request. */
export interface ModelAnswer {
  /** The agent's session that asked; empty when the request named none. */
  session: string;
  usage?: AnswerUsage;
  error?: ProviderError;
}

export interface ModelProxyOptions {
  /** The provider's address; a path in it is kept. */
  baseUrl: string;
  /** Reads the provider's key, anew for each request. @throws RunFailure MissingSecret */
  readKey: () => Promise<string>;
  dispatcher: Dispatcher;
  /** Told once for each request that asked for a message. */
  onAnswer: (answer: ModelAnswer) => void;
  logger: Logger;
}

const hopByHop = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
]);
/** Replaced by the proxy: the caller's token is for the gateway, and a compressed answer could not be counted. */
const replaced = new Set(["host", "authorization", "x-api-key", "accept-encoding"]);

const shownErrorLength = 300;
const keptErrorLength = 16 * 1024;
/** A whole message is kept to be counted; longer ones than any model writes are passed on uncounted. */
const keptMessageLength = 16 * 1024 * 1024;

/** Passes requests on to the model's provider with its key, and answers back as they come. */
export class ModelProxy {
  readonly #options: ModelProxyOptions;

  constructor(options: ModelProxyOptions) {
    this.#options = options;
  }

  /** `path` is that of the request below the proxy, with its query. */
  async handle(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const watch = new AnswerWatch(request, path, this.#options.onAnswer);
    try {
      const key = await this.#options.readKey();
      const answer = await this.#options.dispatcher.request({
        ...target(this.#options.baseUrl, path),
        method: (request.method ?? "GET") as Dispatcher.HttpMethod,
        headers: { ...passedOn(request.headers, replaced), "x-api-key": key, "accept-encoding": "identity" },
        body: hasBody(request) ? request : null,
        signal: gone.signal,
      });
      response.writeHead(answer.statusCode, passedOn(answer.headers));
      response.flushHeaders();
      watch.begin(answer.statusCode, String(answer.headers["content-type"] ?? ""));
      await pipeline(answer.body, (body) => watch.pass(body), response, { signal: gone.signal });
    } catch (error) {
      if (!gone.signal.aborted) this.#fail(response, watch, error);
    } finally {
      watch.end();
    }
  }

  #fail(response: ServerResponse, watch: AnswerWatch, error: unknown): void {
    const missing = error instanceof RunFailure;
    const message = missing ? error.message : `the model's provider cannot be reached: ${wordsOf(error)}`;
    this.#options.logger.warn({ error: wordsOf(error) }, "A request to the model failed");
    if (!missing) watch.unreachable(message);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const type = missing ? "authentication_error" : "api_error";
    response.writeHead(missing ? 401 : 502, { "content-type": "application/json" });
    response.end(JSON.stringify({ type: "error", error: { type, message } }));
  }
}

/** Looks at one answer while it passes. */
class AnswerWatch {
  readonly #session: string;
  readonly #counts: boolean;
  readonly #onAnswer: ModelProxyOptions["onAnswer"];
  #told = false;
  #status = 0;
  #stream: StreamUsage | undefined;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #unreachable: string | undefined;

  constructor(request: IncomingMessage, path: string, onAnswer: ModelProxyOptions["onAnswer"]) {
    this.#onAnswer = onAnswer;
    this.#session = String(request.headers["x-claude-code-session-id"] ?? "");
    // Counting tokens beforehand is another endpoint below this one, and costs nothing.
    this.#counts = request.method === "POST" && /^\/v1\/messages\/?(\?|$)/.test(path);
  }

  begin(status: number, contentType: string): void {
    this.#status = status;
    if (status === 200 && contentType.startsWith("text/event-stream")) this.#stream = new StreamUsage();
  }

  async *pass(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      this.#look(chunk);
      yield chunk;
    }
    // Told before the caller sees the end, so that nobody finds a finished answer uncounted.
    this.end();
  }

  unreachable(message: string): void {
    this.#unreachable = message;
  }

  /** The answer is over, whichever way: tells once what was seen of it. */
  end(): void {
    const seen = this.#told ? undefined : this.#seen();
    this.#told = true;
    if (seen !== undefined) this.#onAnswer(seen);
  }

  /** Undefined for requests that are not counted, and for those that were given up before an answer. */
  #seen(): ModelAnswer | undefined {
    if (!this.#counts) return undefined;
    const session = this.#session;
    if (this.#unreachable !== undefined) {
      return { session, error: { status: 0, message: this.#unreachable }, ...this.#streamed() };
    }
    if (this.#status === 0) return undefined;
    if (this.#status >= 300) return { session, error: { status: this.#status, message: errorWords(this.#text()) } };
    if (this.#stream !== undefined) return { session, ...this.#streamed() };
    const usage = usageOfMessage(this.#text());
    return { session, ...(usage === undefined ? {} : { usage }) };
  }

  #streamed(): { usage?: AnswerUsage; error?: ProviderError } {
    const usage = this.#stream?.usage;
    if (usage === undefined) return {};
    if (usage.error === undefined) return { usage };
    const { type, message } = usage.error;
    return { usage, error: { status: statusOfErrorType(type), message: message.slice(0, shownErrorLength) } };
  }

  #look(chunk: Uint8Array): void {
    if (!this.#counts) return;
    if (this.#stream !== undefined) {
      this.#stream.push(chunk);
      return;
    }
    const limit = this.#status >= 300 ? keptErrorLength : keptMessageLength;
    if (this.#keptBytes + chunk.byteLength > limit) return;
    this.#kept.push(chunk);
    this.#keptBytes += chunk.byteLength;
  }

  #text(): string {
    return Buffer.concat(this.#kept).toString("utf8");
  }
}

function target(baseUrl: string, path: string): { origin: string; path: string } {
  const { origin, pathname } = new URL(baseUrl);
  return { origin, path: `${pathname.replace(/\/+$/, "")}${path}` };
}

function hasBody(request: IncomingMessage): boolean {
  return request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined;
}

function passedOn(
  headers: IncomingHttpHeaders,
  without: ReadonlySet<string> = new Set(),
): Record<string, string | string[]> {
  const named = new Set(
    String(headers.connection ?? "")
      .toLowerCase()
      .split(/\s*,\s*/),
  );
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || hopByHop.has(name) || named.has(name) || without.has(name)) continue;
    kept[name] = value;
  }
  return kept;
}

function errorWords(text: string): string {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } };
    if (typeof error?.message === "string") return error.message.slice(0, shownErrorLength);
  } catch {
    // Not the provider's JSON, but something on the way to it: its own text is shown.
  }
  return text.replace(/\s+/g, " ").trim().slice(0, shownErrorLength);
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
