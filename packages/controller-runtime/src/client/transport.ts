import { Agent, type Dispatcher, ProxyAgent } from "undici";
import { type Clock, sleep, systemClock } from "../clock.ts";
import type { Connection, Credentials } from "../connection/connection.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { type ApiError, apiErrorOf, ServerUnreachableError } from "./api-error.ts";

const credentialsMaxAgeMs = 60_000;
const maxConnections = 32;
const maxTries = 5;
const maxRetryAfterSeconds = 30;
// The API server closes connections that were idle for 90 s; to be earlier avoids a request on a closing one.
const keepAliveMs = 60_000;

export interface TransportRequest {
  method: Dispatcher.HttpMethod;
  /** With its query. */
  path: string;
  body?: string;
  contentType?: string;
  signal: AbortSignal;
  /** Called before each try, which is not made where it throws. */
  fence?: (() => void) | undefined;
  /** Longest wait for the answer to begin. */
  timeoutMs: number;
  /** Longest silence within the answer. Default: `timeoutMs`. */
  silenceMs?: number;
}

type Answer = Dispatcher.ResponseData;

interface Dispatchers {
  credentials: Credentials;
  tls: string;
  requests: Dispatcher;
  /** Watches hold a connection each for minutes: kept apart, they cannot use up the pool of the requests. */
  streams: Dispatcher;
}

/** HTTP to one API server: pooled connections, fresh credentials, and patience where the server asks for it. */
export class Transport {
  readonly #connection: Connection;
  readonly #userAgent: string;
  readonly #clock: Clock;
  readonly #metrics: Metrics | undefined;
  #credentials: { read: Promise<Credentials>; at: number } | undefined;
  #dispatchers: Dispatchers | undefined;
  #closed = false;

  constructor(options: {
    connection: Connection;
    userAgent: string;
    clock?: Clock | undefined;
    metrics?: Metrics | undefined;
  }) {
    this.#connection = options.connection;
    this.#userAgent = options.userAgent;
    this.#clock = options.clock ?? systemClock;
    this.#metrics = options.metrics;
  }

  /** Answers with the decoded JSON body. */
  async request(request: TransportRequest): Promise<unknown> {
    const answer = await this.#send(request, "requests");
    try {
      return parseBody(await answer.body.text());
    } catch (cause) {
      throw this.#unreachable(request, cause);
    }
  }

  /** Answers with the body as it arrives. */
  async stream(request: TransportRequest): Promise<AsyncIterable<Uint8Array>> {
    const answer = await this.#send(request, "streams");
    return answer.body;
  }

  /** Waits for requests in flight, ends streams, and closes every connection. */
  async close(): Promise<void> {
    this.#closed = true;
    const dispatchers = this.#dispatchers;
    this.#dispatchers = undefined;
    await dispatchers?.streams.destroy();
    await dispatchers?.requests.close();
  }

  async #send(request: TransportRequest, pool: "requests" | "streams"): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.#sendOnce(request, pool);
      this.#metrics?.restClientRequests.inc({
        code: String(answer.statusCode),
        host: new URL(this.#connection.server).host,
        method: request.method,
      });
      if (answer.statusCode < 400) return answer;
      const error = await this.#errorOf(request, answer);
      const delay = attempt < maxTries ? retryDelay(error, attempt) : undefined;
      if (delay === undefined) throw error;
      if (error.status === 401) this.#credentials = undefined;
      await sleep(this.#clock, delay, request.signal);
    }
  }

  async #sendOnce(request: TransportRequest, pool: "requests" | "streams"): Promise<Answer> {
    request.signal.throwIfAborted();
    const credentials = await this.#freshCredentials();
    request.fence?.();
    try {
      const answer = this.#dispatchersFor(credentials)[pool].request({
        origin: this.#connection.server,
        path: request.path,
        method: request.method,
        headers: {
          accept: "application/json",
          "user-agent": this.#userAgent,
          ...(request.body === undefined ? {} : { "content-type": request.contentType ?? "application/json" }),
          ...credentials.headers,
          ...(credentials.authorization === undefined ? {} : { authorization: credentials.authorization }),
        },
        body: request.body ?? null,
        signal: request.signal,
        headersTimeout: request.timeoutMs,
        bodyTimeout: request.silenceMs ?? request.timeoutMs,
      });
      return await unlessAborted(answer, request.signal);
    } catch (cause) {
      throw this.#unreachable(request, cause);
    }
  }

  async #errorOf(request: TransportRequest, answer: Answer): Promise<ApiError> {
    const retryAfter = answer.headers["retry-after"];
    try {
      return apiErrorOf({
        status: answer.statusCode,
        body: parseBody(await answer.body.text()),
        retryAfter: Array.isArray(retryAfter) ? retryAfter[0] : retryAfter,
      });
    } catch (cause) {
      throw this.#unreachable(request, cause);
    }
  }

  #unreachable(request: TransportRequest, cause: unknown): unknown {
    if (request.signal.aborted) return request.signal.reason;
    return new ServerUnreachableError({
      server: this.#connection.server,
      method: request.method,
      path: request.path,
      cause,
    });
  }

  #freshCredentials(): Promise<Credentials> {
    const now = this.#clock.now();
    if (this.#credentials === undefined || now - this.#credentials.at >= credentialsMaxAgeMs) {
      const read = this.#connection.readCredentials();
      this.#credentials = { read, at: now };
      read.catch(() => {
        this.#credentials = undefined;
      });
    }
    return this.#credentials.read;
  }

  #dispatchersFor(credentials: Credentials): Dispatchers {
    if (this.#closed) throw new Error("the client is closed");
    const current = this.#dispatchers;
    if (current?.credentials === credentials) return current;
    const { ca, cert, key, serverName, insecureSkipTlsVerify } = credentials;
    const tls = JSON.stringify([ca, cert, key, serverName, insecureSkipTlsVerify]);
    if (current?.tls === tls) {
      current.credentials = credentials;
      return current;
    }
    const next = {
      credentials,
      tls,
      requests: createDispatcher(this.#connection, credentials, maxConnections),
      streams: createDispatcher(this.#connection, credentials, null),
    };
    this.#dispatchers = next;
    // Closing lets what is in flight end by itself.
    void current?.requests.close();
    void current?.streams.close();
    return next;
  }
}

function createDispatcher(connection: Connection, credentials: Credentials, connections: number | null): Dispatcher {
  const tls = {
    ...(credentials.ca === undefined ? {} : { ca: credentials.ca }),
    ...(credentials.cert === undefined ? {} : { cert: credentials.cert }),
    ...(credentials.key === undefined ? {} : { key: credentials.key }),
    ...(credentials.serverName === undefined ? {} : { servername: credentials.serverName }),
    rejectUnauthorized: credentials.insecureSkipTlsVerify !== true,
  };
  const pool = { connections, allowH2: false, keepAliveTimeout: keepAliveMs };
  return connection.proxyUrl === undefined
    ? new Agent({ ...pool, connect: { ...tls, keepAlive: true, keepAliveInitialDelay: 30_000 } })
    : new ProxyAgent({ ...pool, uri: connection.proxyUrl, requestTls: tls });
}

/** undici does not send what is aborted while it connects, but says so only when the connection stands or has failed. */
async function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([answer, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** How long to wait before the same request may succeed; absent where it will not. */
function retryDelay(error: ApiError, attempt: number): number | undefined {
  // A renewed token is tried once.
  if (error.status === 401) return attempt === 1 ? 0 : undefined;
  const asked = error.retryAfterSeconds;
  if (error.status === 429 || (error.status === 503 && asked !== undefined)) {
    return Math.min(asked ?? 1, maxRetryAfterSeconds) * 1000;
  }
  return undefined;
}

function parseBody(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // Plain text comes from proxies and from /healthz.
    return text;
  }
}
