import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text as readText } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, answerBody, answerEvents } from "./answer.ts";
import { type Conversation, readConversation } from "./conversation.ts";
import { Holds } from "./holds.ts";
import { type MessagesRequest, messagesRequest } from "./messages-request.ts";
import type { Scenario } from "./scenario.ts";
import { nextReply, type Reply } from "./script.ts";

export interface RehearsalModelOptions {
  /** PEM texts; absent: plain HTTP. */
  tls?: { key: string; cert: string };
  /** Default 0: any free one. */
  port?: number;
  /** Default `127.0.0.1`. */
  host?: string;
  /** The one key that is accepted. Default: any that is not empty. */
  apiKey?: string;
  /** How long an answer of the scenario `slow` takes. Default 2000. */
  slowMs?: number;
}

/** Requests for an answer since the start, refused ones included. */
interface RequestCounts {
  total: number;
  /** By the task's title; requests without a task are not in it. */
  byTask: Record<string, number>;
}

/** The Messages API, answered by a script. Knows nothing of earlier requests: all that it decides by is in each. */
export interface RehearsalModel {
  /** `http(s)://HOST:PORT`, which takes the place of the provider's base URL. */
  readonly url: string;
  requests(): RequestCounts;
  readonly holds: Holds;
  /** Scenarios by a text in the prompt, above those that tasks ask for; to be changed while runs are under way. */
  readonly scenarios: Map<string, Scenario>;
  close(): Promise<void>;
}

/**
 * Starts the model. Beside `POST /v1/messages` it serves, for tests in other processes, `POST /control/hold` and
 * `POST /control/release` (requests whose prompt contains the body's text wait between the two), `POST /control/held`
 * (how many wait now) and `GET /control/requests`. Throws when the port is taken.
 */
export async function startRehearsalModel(options: RehearsalModelOptions = {}): Promise<RehearsalModel> {
  const { tls, port = 0, host = "127.0.0.1", apiKey, slowMs = 2000 } = options;
  const server = tls === undefined ? createServer() : createTlsServer(tls);
  const requests = new Requests({ apiKey, slowMs });
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    requests.handle(request, response).catch((error: unknown) => {
      if (!response.headersSent) refuse(response, 400, error instanceof Error ? error.message : String(error));
      else response.destroy();
    });
  });
  server.listen(port, host);
  await once(server, "listening");
  return {
    url: `${tls === undefined ? "http" : "https"}://${host}:${(server.address() as AddressInfo).port}`,
    requests: () => requests.counts(),
    holds: requests.holds,
    scenarios: requests.scenarios,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

class Requests {
  readonly holds = new Holds();
  readonly scenarios = new Map<string, Scenario>();
  readonly #options: { apiKey: string | undefined; slowMs: number };
  readonly #byTask = new Map<string, number>();
  #total = 0;

  constructor(options: { apiKey: string | undefined; slowMs: number }) {
    this.#options = options;
  }

  counts(): RequestCounts {
    return { total: this.#total, byTask: Object.fromEntries(this.#byTask) };
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readText(request);
    const { pathname } = new URL(request.url ?? "/", "http://model");
    switch (`${request.method} ${pathname}`) {
      case "POST /v1/messages":
        return await this.#answer(request, response, body);
      case "POST /v1/messages/count_tokens":
        return json(response, { input_tokens: Math.ceil(body.length / 4) });
      case "POST /control/hold":
        this.holds.hold(body);
        return json(response, {});
      case "POST /control/release":
        this.holds.release(body);
        return json(response, {});
      case "POST /control/held":
        return json(response, { held: this.holds.held(body) });
      case "GET /control/requests":
        return json(response, this.counts());
      default:
        return refuse(response, 404, "the rehearsal model has no such path");
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, body: string): Promise<void> {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const asked = messagesRequest.parse(JSON.parse(body));
    const conversation = readConversation(asked);
    this.#count(conversation);
    if (!this.#accepts(request)) return refuse(response, 401, "the rehearsal model does not know this key");
    await this.holds.pass(conversation.prompt, conversation.calls.length, gone.signal);
    if (gone.signal.aborted) return;
    const given = [...this.scenarios].find(([text]) => conversation.prompt.includes(text))?.[1];
    await this.#reply(response, nextReply(conversation, given), { asked, conversation, signal: gone.signal });
  }

  async #reply(
    response: ServerResponse,
    reply: Reply,
    context: { asked: MessagesRequest; conversation: Conversation; signal: AbortSignal },
  ): Promise<void> {
    const { asked, conversation, signal } = context;
    const answerOf = (blocks: Answer["blocks"]): Answer => ({
      model: asked.model,
      blocks,
      calls: conversation.calls.length,
      messages: asked.messages.length,
    });
    switch (reply.type) {
      case "refuse":
        return refuse(response, reply.status, `rehearsal of HTTP ${reply.status}`, reply.retryAfterSeconds);
      case "hang":
        return;
      case "cut":
        return cut(response, answerOf(reply.blocks));
      case "answer":
        if (reply.slow) await sleep(this.#options.slowMs, undefined, { signal }).catch(ignoreAbort);
        if (signal.aborted) return;
        return asked.stream
          ? stream(response, answerOf(reply.blocks))
          : jsonText(response, answerBody(answerOf(reply.blocks)));
    }
  }

  #accepts({ headers }: IncomingMessage): boolean {
    const given = headers["x-api-key"] ?? headers.authorization?.replace(/^Bearer /, "") ?? "";
    return this.#options.apiKey === undefined ? given !== "" : given === this.#options.apiKey;
  }

  #count({ task }: Conversation): void {
    this.#total += 1;
    if (task === undefined) return;
    this.#byTask.set(task.task.title, (this.#byTask.get(task.task.title) ?? 0) + 1);
  }
}

const errorTypes: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  404: "not_found_error",
  429: "rate_limit_error",
  500: "api_error",
  529: "overloaded_error",
};

function refuse(response: ServerResponse, status: number, why: string, retryAfterSeconds?: number): void {
  const headers = retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ type: "error", error: { type: errorTypes[status], message: why } }));
}

function json(response: ServerResponse, body: unknown): void {
  jsonText(response, JSON.stringify(body));
}

function jsonText(response: ServerResponse, body: string): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(body);
}

function stream(response: ServerResponse, answer: Answer): void {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  for (const event of answerEvents(answer)) response.write(event);
  response.end();
}

/** Half of the events, then a broken connection. */
function cut(response: ServerResponse, answer: Answer): void {
  const events = [...answerEvents(answer)];
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(events.slice(0, Math.ceil(events.length / 2)).join(""), () => response.destroy());
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error) || error.name !== "AbortError") throw error;
}
