import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { Verdict } from "@orchestrator/core/pure";
import type { Dispatcher } from "undici";
import type { Logger } from "pino";
import { sendJson } from "../http-answer.ts";
import { RunFailure } from "../../steps/run-failure.ts";
import { type AnswerUsage, StreamUsage, usageOfMessage } from "./answer-usage.ts";
import { type ProviderError, statusOfErrorType } from "./provider-error.ts";
import { retryAfterSeconds } from "./retry-after.ts";

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
  /** Why a request for a message may not be passed on; undefined when it may. `model` reads which model is asked. */
  refusal: (model: () => string) => Verdict | undefined;
  now: () => Date;
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

/** The agent takes this status for an end: others it would answer by trying again, or by asking in other words. */
const tapClosed = 402;

const messages = "POST /v1/messages";
/** Cost nothing. All else that the provider has, such as batches and files, would be used with its key past the limits. */
const uncounted = /^(POST \/v1\/messages\/count_tokens|GET \/v1\/models(\/[A-Za-z0-9][A-Za-z0-9._-]*)?)$/;

const shownErrorLength = 300;
const keptErrorLength = 16 * 1024;
/** A whole message is kept to be counted; longer ones than any model writes are passed on uncounted. */
const keptMessageLength = 16 * 1024 * 1024;

/** Passes what an agent needs on to the model's provider with its key, and answers back as they come. */
export class ModelProxy {
  readonly #options: ModelProxyOptions;

  constructor(options: ModelProxyOptions) {
    this.#options = options;
  }

  /** `path` is that of the request below the proxy, with its query. */
  async handle(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const asked = `${request.method} ${path.split("?", 1)[0]}`;
    const asksForMessage = asked === messages;
    if (!asksForMessage && !uncounted.test(asked)) {
      this.#options.logger.warn({ asked }, "A request that is not for the model was refused");
      return refusePath(response, asked);
    }
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const session = asksForMessage ? String(request.headers["x-claude-code-session-id"] ?? "") : undefined;
    const watch = new AnswerWatch({ ...this.#options, session });
    try {
      const body = asksForMessage ? await buffer(request) : hasBody(request) ? request : null;
      const refusal = Buffer.isBuffer(body) ? this.#options.refusal(() => modelOf(body)) : undefined;
      if (refusal !== undefined) return refuse(response, refusal);
      const key = await this.#options.readKey();
      const answer = await this.#options.dispatcher.request({
        ...target(this.#options.baseUrl, path),
        method: (request.method ?? "GET") as Dispatcher.HttpMethod,
        headers: { ...passedOn(request.headers, replaced), "x-api-key": key, "accept-encoding": "identity" },
        body,
        signal: gone.signal,
      });
      response.writeHead(answer.statusCode, passedOn(answer.headers));
      response.flushHeaders();
      watch.begin(answer.statusCode, answer.headers);
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
  /** Undefined for requests that are not counted. */
  readonly #session: string | undefined;
  readonly #onAnswer: ModelProxyOptions["onAnswer"];
  readonly #now: () => Date;
  #told = false;
  #status = 0;
  #retryAfterSeconds: number | undefined;
  #stream: StreamUsage | undefined;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #unreachable: string | undefined;

  constructor(options: Pick<ModelProxyOptions, "onAnswer" | "now"> & { session: string | undefined }) {
    this.#onAnswer = options.onAnswer;
    this.#now = options.now;
    this.#session = options.session;
  }

  begin(status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#retryAfterSeconds = retryAfterSeconds(headers["retry-after"], this.#now());
    const contentType = String(headers["content-type"] ?? "");
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
    const session = this.#session;
    if (session === undefined) return undefined;
    if (this.#unreachable !== undefined) {
      return { session, error: { status: 0, message: this.#unreachable }, ...this.#streamed() };
    }
    if (this.#status === 0) return undefined;
    if (this.#status >= 300) {
      const message = errorWords(this.#text());
      return { session, error: { status: this.#status, message, retryAfterSeconds: this.#retryAfterSeconds } };
    }
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
    if (this.#session === undefined) return;
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

function refusePath(response: ServerResponse, asked: string): void {
  const message = `this run's gateway does not pass on ${asked}`;
  sendJson(response, 404, { type: "error", error: { type: "not_found_error", message } });
}

function refuse(response: ServerResponse, { reason, message }: Verdict): void {
  sendJson(response, tapClosed, { type: "error", error: { type: "billing_error", message: `${reason}: ${message}` } });
}

function modelOf(body: Buffer): string {
  try {
    const { model } = JSON.parse(body.toString("utf8")) as { model?: unknown };
    return typeof model === "string" ? model : "";
  } catch {
    return "";
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
