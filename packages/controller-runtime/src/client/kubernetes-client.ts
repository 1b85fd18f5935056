import type { Dispatcher } from "undici";
import type { Clock } from "../clock.ts";
import type { Connection } from "../connection/connection.ts";
import type { KubernetesObject, ObjectKey } from "../kubernetes-object.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { apiVersion, type ResourceType } from "../resource-type.ts";
import { apiErrorOf, ServerUnreachableError, unlessNotFound } from "./api-error.ts";
import { jsonLines } from "./json-lines.ts";
import { type Query, resourcePath, withQuery } from "./resource-path.ts";
import { Transport } from "./transport.ts";
import type { WatchEvent } from "./watch-event.ts";

const defaultTimeoutMs = 30_000;
// Bookmarks come every minute, so a stream that was silent for longer than two is broken.
const defaultWatchSilenceMs = 150_000;

const patchContentTypes = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  strategic: "application/strategic-merge-patch+json",
} as const;

/** Which objects of a kind. */
export interface Selection {
  /** Absent: all namespaces. */
  namespace?: string | undefined;
  labelSelector?: string | undefined;
  fieldSelector?: string | undefined;
}

export interface ListPage<T> {
  items: T[];
  resourceVersion: string;
  /** Present when there are further pages. */
  continueToken?: string;
}

/** Of every write. */
export interface WriteOptions {
  signal: AbortSignal;
  /** Called before each try, which is not made where it throws. Default: nothing is asked. */
  fence?: (() => void) | undefined;
}

export interface DeleteOptions extends WriteOptions {
  /** Deletes only this very object, not a later one of its name. */
  uid?: string | undefined;
  resourceVersion?: string | undefined;
  gracePeriodSeconds?: number | undefined;
  propagationPolicy?: "Background" | "Foreground" | "Orphan" | undefined;
}

/**
 * The Kubernetes API in plain JSON. Every method throws `ApiError` for what the server refuses,
 * `ServerUnreachableError` when it does not answer, and the signal's reason when that aborts.
 * A 429 (and a 503 that names a time) is tried again, at most five times.
 */
export class KubernetesClient {
  readonly connection: Connection;
  readonly #transport: Transport;
  readonly #timeoutMs: number;
  readonly #watchSilenceMs: number;

  constructor(options: {
    connection: Connection;
    /** Who is asking; stands in the API server's audit log. */
    userAgent: string;
    /** Longest wait for an answer, per try. Default: 30,000. */
    timeoutMs?: number | undefined;
    /** A watch that brings nothing for so long, not even a bookmark, is broken. Default: 150,000. */
    watchSilenceMs?: number | undefined;
    /** Default: not counted. */
    metrics?: Metrics | undefined;
    /** Default: the system's. */
    clock?: Clock | undefined;
  }) {
    this.connection = options.connection;
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    this.#watchSilenceMs = options.watchSilenceMs ?? defaultWatchSilenceMs;
    this.#transport = new Transport(options);
  }

  get<T extends KubernetesObject>(type: ResourceType<T>, key: ObjectKey, options: { signal: AbortSignal }): Promise<T> {
    return this.request<T>({ method: "GET", path: resourcePath(type, key), signal: options.signal });
  }

  async list<T extends KubernetesObject>(
    type: ResourceType<T>,
    options: Selection & { limit?: number; continueToken?: string | undefined; signal: AbortSignal },
  ): Promise<ListPage<T>> {
    const list = await this.request<{ items?: T[]; metadata: { resourceVersion: string; continue?: string } }>({
      method: "GET",
      path: resourcePath(type, { namespace: options.namespace }),
      query: { ...selectors(options), limit: options.limit, continue: options.continueToken },
      signal: options.signal,
    });
    const items = list.items ?? [];
    // The items of a list come without these two.
    for (const item of items) {
      item.apiVersion = apiVersion(type);
      item.kind = type.kind;
    }
    const { resourceVersion, continue: continueToken } = list.metadata;
    return { items, resourceVersion, ...(continueToken ? { continueToken } : {}) };
  }

  create<T extends KubernetesObject>(type: ResourceType<T>, object: T, options: WriteOptions): Promise<T> {
    const { namespace } = object.metadata;
    const path = resourcePath(type, { namespace });
    return this.request<T>({ method: "POST", path, body: object, ...writing(options) });
  }

  /** Guarded by the object's resourceVersion when it has one. */
  replace<T extends KubernetesObject>(
    type: ResourceType<T>,
    object: T,
    options: { subresource?: string | undefined; signal: AbortSignal },
  ): Promise<T> {
    const { namespace, name } = object.metadata;
    return this.request<T>({
      method: "PUT",
      path: resourcePath(type, { namespace, name, subresource: options.subresource }),
      body: object,
      signal: options.signal,
    });
  }

  /** A resourceVersion within a merge patch guards it. */
  patch<T extends KubernetesObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: unknown,
    options: WriteOptions & { type: keyof typeof patchContentTypes; subresource?: string | undefined },
  ): Promise<T> {
    return this.request<T>({
      method: "PATCH",
      path: resourcePath(type, { ...key, subresource: options.subresource }),
      body: patch,
      contentType: patchContentTypes[options.type],
      ...writing(options),
    });
  }

  /** Answers with the object where it is not gone yet, and with nothing where it is, also where it was before. */
  async delete<T extends KubernetesObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    options: DeleteOptions,
  ): Promise<T | undefined> {
    const { uid, resourceVersion, gracePeriodSeconds, propagationPolicy } = options;
    const body = {
      apiVersion: "v1",
      kind: "DeleteOptions",
      preconditions: { uid, resourceVersion },
      gracePeriodSeconds,
      propagationPolicy,
    };
    const path = resourcePath(type, key);
    const answer = await unlessNotFound(this.request<T>({ method: "DELETE", path, body, ...writing(options) }));
    return answer?.kind === type.kind ? answer : undefined;
  }

  /**
   * Opens the stream of changes from `resourceVersion` on, bookmarks included. It ends when the server ends it.
   *
   * @throws within the stream: ApiError for what the server says there, BrokenLineError, CutLineError.
   */
  async watch<T extends KubernetesObject>(
    type: ResourceType<T>,
    options: Selection & {
      resourceVersion?: string | undefined;
      /** Begin with the objects that exist, as a list would give them. */
      sendInitialEvents?: boolean | undefined;
      /** When the server ends the stream. Default: the server's choice. */
      timeoutSeconds?: number | undefined;
      signal: AbortSignal;
    },
  ): Promise<AsyncGenerator<WatchEvent<T>, void, undefined>> {
    const path = withQuery(resourcePath(type, { namespace: options.namespace }), {
      ...selectors(options),
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion: options.resourceVersion,
      timeoutSeconds: options.timeoutSeconds,
      ...(options.sendInitialEvents ? { sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" } : {}),
    });
    const { signal } = options;
    const timeouts = { timeoutMs: this.#timeoutMs, silenceMs: this.#watchSilenceMs };
    const body = await this.#transport.stream({ method: "GET", path, signal, ...timeouts });
    return watchEvents<T>(this.#named(body, path, signal));
  }

  /** Anything the other methods do not cover: subresources such as a token request, `/version`, `/readyz`. */
  async request<R>(
    options: {
      method: Dispatcher.HttpMethod;
      path: string;
      query?: Query;
      body?: unknown;
      /** Default: `application/json`. */
      contentType?: string;
      /** Default: the client's. */
      timeoutMs?: number;
    } & WriteOptions,
  ): Promise<R> {
    const answer = await this.#transport.request({
      method: options.method,
      path: withQuery(options.path, options.query),
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      ...(options.contentType === undefined ? {} : { contentType: options.contentType }),
      ...writing(options),
      timeoutMs: options.timeoutMs ?? this.#timeoutMs,
    });
    return answer as R;
  }

  /** Waits for requests in flight and closes the connections; watches are cut. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  async *#named(body: AsyncIterable<Uint8Array>, path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } catch (cause) {
      signal.throwIfAborted();
      throw new ServerUnreachableError({ server: this.connection.server, method: "GET", path, cause });
    }
  }
}

async function* watchEvents<T extends KubernetesObject>(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  for await (const line of jsonLines(body)) {
    const event = line as WatchEvent<T> | { type: "ERROR"; object: { code?: number } };
    if (event.type === "ERROR") throw apiErrorOf({ status: event.object.code ?? 500, body: event.object });
    yield event;
  }
}

function writing({ signal, fence }: WriteOptions): WriteOptions {
  return { signal, fence };
}

function selectors(selection: Selection): Query {
  return { labelSelector: selection.labelSelector, fieldSelector: selection.fieldSelector };
}
