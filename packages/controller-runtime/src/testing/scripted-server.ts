import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Connection } from "../connection/connection.ts";

export interface ReceivedRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: unknown;
}

/** How one request is answered. */
export type Reply = (response: ServerResponse, request: ReceivedRequest) => void;

/** An HTTP server on loopback that answers request by request as it was told to, and then as `otherwise` says. */
export class ScriptedServer {
  readonly requests: ReceivedRequest[] = [];
  readonly sockets = new Set<unknown>();
  /** Whether a watch may begin with what exists. Default: that is refused, without a reply or a place among the requests. */
  streamingLists = false;
  /** Answers what no reply was scripted for. Default: not at all. */
  otherwise: Reply = () => undefined;
  readonly #replies: Reply[];
  readonly #server: Server;
  #watchers: (() => void)[] = [];

  constructor(...replies: Reply[]) {
    this.#replies = replies;
    this.#server = createServer((request, response) => {
      const url = new URL(request.url ?? "/", "http://loopback");
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const received = {
          method: request.method ?? "",
          path: url.pathname,
          query: url.searchParams,
          headers: request.headers,
          body: text === "" ? undefined : (JSON.parse(text) as unknown),
        };
        if (!this.streamingLists && received.query.get("sendInitialEvents") === "true") {
          return status(422, "Invalid")(response, received);
        }
        this.requests.push(received);
        for (const watcher of this.#watchers.splice(0)) watcher();
        const reply = this.#replies.shift() ?? this.otherwise;
        reply(response, received);
      });
    });
    this.#server.on("connection", (socket) => this.sockets.add(socket));
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  get connection(): Connection {
    const { port } = this.#server.address() as AddressInfo;
    return { server: `http://127.0.0.1:${port}`, readCredentials: async () => ({}) };
  }

  /** Resolves with the request of this number, counted from 1, when it has come. */
  async received(number: number): Promise<ReceivedRequest> {
    for (;;) {
      const request = this.requests[number - 1];
      if (request !== undefined) return request;
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

/** A complete JSON answer. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Reply {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
  };
}

/** A Kubernetes Status. */
export function status(code: number, reason: string, headers: Record<string, string> = {}): Reply {
  return json(code, { kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message: reason }, headers);
}

/** A page of a list. */
export function list(resourceVersion: string, items: unknown[], continueToken?: string): Reply {
  return json(200, { metadata: { resourceVersion, continue: continueToken }, items });
}

/** A watch that sends these events, then ends, breaks, or stays open. */
export function stream(events: (object | string)[], end: "close" | "reset" | "open"): Reply {
  return (response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    const text = events.map((event) => (typeof event === "string" ? event : `${JSON.stringify(event)}\n`)).join("");
    const finish = (): void => {
      if (end === "close") response.end();
      if (end === "reset") response.destroy();
    };
    if (text === "") finish();
    else response.write(text, finish);
  };
}
