import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { Connection, Credentials } from "../connection/connection.ts";
import { createMetrics } from "../metrics/metrics.ts";
import { resources } from "../resources/resources.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { configMap } from "../testing/objects.ts";
import { json, list, type Reply, ScriptedServer, status, stream } from "../testing/scripted-server.ts";
import { isApiError, ServerUnreachableError } from "./api-error.ts";
import { KubernetesClient } from "./kubernetes-client.ts";

const key = { namespace: "one", name: "a" };
const { signal } = new AbortController();
const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function setUp(
  replies: Reply[],
  options: { readCredentials?: () => Promise<Credentials>; timeoutMs?: number } = {},
) {
  const server = await new ScriptedServer(...replies).start();
  const clock = new ManualClock();
  const metrics = createMetrics();
  const connection: Connection = { ...server.connection };
  if (options.readCredentials) connection.readCredentials = options.readCredentials;
  const client = new KubernetesClient({
    connection,
    userAgent: "test/1",
    clock,
    metrics,
    timeoutMs: options.timeoutMs,
  });
  cleanUps.push(
    () => server.close(),
    () => client.close(),
  );
  return { server, clock, client, metrics };
}

describe("requests", () => {
  it("name who asks, and carry JSON", async () => {
    const { client, server } = await setUp([json(201, configMap("a", "1"))]);
    const created = await client.create(resources.configMaps, configMap("a", ""), { signal });
    expect(created.metadata.resourceVersion).toBe("1");
    const [request] = server.requests;
    expect(request?.method).toBe("POST");
    expect(request?.headers["user-agent"]).toBe("test/1");
    expect(request?.headers["content-type"]).toBe("application/json");
    expect(request?.body).toMatchObject({ metadata: { name: "a" } });
  });

  it.each([
    { type: "merge", contentType: "application/merge-patch+json" },
    { type: "json", contentType: "application/json-patch+json" },
    { type: "strategic", contentType: "application/strategic-merge-patch+json" },
  ] as const)("patch by $contentType", async ({ type, contentType }) => {
    const { client, server } = await setUp([json(200, configMap("a", "2"))]);
    await client.patch(resources.configMaps, key, { data: {} }, { type, subresource: "status", signal });
    const [request] = server.requests;
    expect(request?.method).toBe("PATCH");
    expect(request?.headers["content-type"]).toBe(contentType);
    expect(request?.path).toBe("/api/v1/namespaces/one/configmaps/a/status");
  });

  it("replace an object or its status", async () => {
    const { client, server } = await setUp([json(200, configMap("a", "2")), json(200, configMap("a", "3"))]);
    await client.replace(resources.configMaps, configMap("a", "1"), { signal });
    await client.replace(resources.configMaps, configMap("a", "2"), { subresource: "status", signal });
    expect(server.requests.map(({ method, path }) => [method, path])).toEqual([
      ["PUT", "/api/v1/namespaces/one/configmaps/a"],
      ["PUT", "/api/v1/namespaces/one/configmaps/a/status"],
    ]);
  });

  it("delete with their guards", async () => {
    const { client, server } = await setUp([json(200, {})]);
    await client.delete(resources.configMaps, key, {
      uid: "u",
      resourceVersion: "7",
      gracePeriodSeconds: 0,
      propagationPolicy: "Background",
      signal,
    });
    expect(server.requests[0]?.body).toEqual({
      apiVersion: "v1",
      kind: "DeleteOptions",
      preconditions: { uid: "u", resourceVersion: "7" },
      gracePeriodSeconds: 0,
      propagationPolicy: "Background",
    });
  });

  it("to delete what is gone succeed, and others fail", async () => {
    const { client } = await setUp([status(404, "NotFound"), status(409, "Conflict")]);
    expect(await client.delete(resources.configMaps, key, { signal })).toBeUndefined();
    await expect(client.delete(resources.configMaps, key, { signal })).rejects.toThrow("Conflict");
  });

  it("to delete tell whether the object is still there", async () => {
    const deleting = configMap("a", "2", { deletionTimestamp: "2026-01-01T00:00:00Z" });
    const gone = { kind: "Status", apiVersion: "v1", status: "Success", details: { name: "a" } };
    const { client } = await setUp([json(200, deleting), json(200, gone)]);
    expect(await client.delete(resources.configMaps, key, { signal })).toEqual(deleting);
    expect(await client.delete(resources.configMaps, key, { signal })).toBeUndefined();
  });

  it("list items with their kind, and the way to the next page", async () => {
    const { kind, apiVersion, ...bare } = configMap("a", "1");
    const { client } = await setUp([list("5", [bare], "next"), list("5", [])]);
    const page = await client.list(resources.configMaps, { signal });
    expect(page).toEqual({ items: [{ kind, apiVersion, ...bare }], resourceVersion: "5", continueToken: "next" });
    expect(await client.list(resources.configMaps, { signal })).toEqual({ items: [], resourceVersion: "5" });
  });

  it("share connections", async () => {
    const { client, server } = await setUp(Array.from({ length: 20 }, () => json(200, configMap("a", "1"))));
    for (let count = 0; count < 20; count += 1) await client.get(resources.configMaps, key, { signal });
    // The second is opened when an answer has been read and its connection is not free yet.
    expect(server.sockets.size).toBeLessThanOrEqual(2);
  });

  it("open 32 connections at most, and watches take none of them", async () => {
    const held: (() => void)[] = [];
    const hold: Reply = (response) => held.push(() => json(200, configMap("a", "1"))(response, undefined as never));
    const { client, server } = await setUp([
      ...Array.from({ length: 40 }, () => stream([], "open")),
      ...Array.from({ length: 40 }, () => hold),
    ]);
    const stop = new AbortController();
    const watches = Array.from({ length: 40 }, async () => {
      for await (const event of await client.watch(resources.configMaps, { signal: stop.signal }))
        expect(event).toBeNull();
    });
    await server.received(40);
    const requests = Array.from({ length: 40 }, () => client.get(resources.configMaps, key, { signal }));
    await server.received(72);
    expect(server.sockets.size).toBe(72);
    for (let done = 0; done < 40; done += 1) {
      await server.received(41 + done);
      held[done]?.();
    }
    await Promise.all(requests);
    expect(server.sockets.size).toBe(72);
    stop.abort();
    await Promise.allSettled(watches);
  });

  it("are counted by status", async () => {
    const { client, metrics } = await setUp([json(200, {}), status(404, "NotFound")]);
    await client.get(resources.configMaps, key, { signal });
    await client.get(resources.configMaps, key, { signal }).catch(() => undefined);
    const text = await metrics.registry.metrics();
    expect(text).toMatch(/rest_client_requests_total{code="200",.*method="GET"} 1/);
    expect(text).toMatch(/rest_client_requests_total{code="404",.*method="GET"} 1/);
  });
});

describe("a refusal", () => {
  it("carries the server's Status", async () => {
    const body = { code: 409, reason: "AlreadyExists", message: "it is there", details: { name: "a" } };
    const { client } = await setUp([json(409, body)]);
    const error: unknown = await client.get(resources.configMaps, key, { signal }).catch((thrown: unknown) => thrown);
    expect(isApiError(error, "AlreadyExists")).toBe(true);
    expect(isApiError(error, "NotFound")).toBe(false);
    expect(error).toMatchObject({ status: 409, message: "it is there", details: { name: "a" } });
  });

  it.each([
    { code: 404, body: "404 page not found", reason: "NotFound" },
    { code: 504, body: "", reason: "Timeout" },
    { code: 418, body: "teapot", reason: "Unknown" },
  ])("without a Status gets its reason from the HTTP status $code", async ({ code, body, reason }) => {
    const { client } = await setUp([(response) => response.writeHead(code).end(body)]);
    const error: unknown = await client.get(resources.configMaps, key, { signal }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: code, reason });
  });
});

describe("a busy server", () => {
  it.each([
    { name: "429 after the time it names", reply: status(429, "TooManyRequests", { "retry-after": "3" }), delay: 3000 },
    { name: "429 that names no time after a second", reply: status(429, "TooManyRequests"), delay: 1000 },
    { name: "503 that names a time", reply: status(503, "ServiceUnavailable", { "retry-after": "2" }), delay: 2000 },
    { name: "429 after half a minute at most", reply: status(429, "X", { "retry-after": "3600" }), delay: 30_000 },
  ])("is asked again on $name", async ({ reply, delay }) => {
    const { client, clock, server } = await setUp([reply, json(200, configMap("a", "1"))]);
    const answer = client.get(resources.configMaps, key, { signal });
    expect(await clock.passTimer()).toBe(delay);
    expect((await answer).metadata.name).toBe("a");
    expect(server.requests).toHaveLength(2);
  });

  it("is asked five times at most", async () => {
    const tooMany = status(429, "TooManyRequests", { "retry-after": "1" });
    const { client, clock, server } = await setUp([tooMany, tooMany, tooMany, tooMany, tooMany]);
    const answer = client.get(resources.configMaps, key, { signal }).catch((error: unknown) => error);
    for (let tries = 0; tries < 4; tries += 1) await clock.passTimer();
    expect(await answer).toMatchObject({ status: 429, retryAfterSeconds: 1 });
    expect(server.requests).toHaveLength(5);
  });

  it("is not asked again on other errors", async () => {
    const { client, server } = await setUp([status(503, "ServiceUnavailable")]);
    await expect(client.get(resources.configMaps, key, { signal })).rejects.toThrow("ServiceUnavailable");
    expect(server.requests).toHaveLength(1);
  });

  it("is not asked again for a write that is fenced off meanwhile", async () => {
    const { client, clock, server } = await setUp([status(429, "TooManyRequests")]);
    let leading = true;
    const fence = (): void => {
      if (!leading) throw new Error("not leading");
    };
    const answer = client.create(resources.configMaps, configMap("a", ""), { signal, fence });
    await clock.timer();
    leading = false;
    await clock.passTimer();
    await expect(answer).rejects.toThrow("not leading");
    expect(server.requests).toHaveLength(1);
  });

  it("is left alone when the caller gives up", async () => {
    const { client, clock, server } = await setUp([status(429, "X", { "retry-after": "5" })]);
    const stop = new AbortController();
    const answer = client.get(resources.configMaps, key, { signal: stop.signal });
    await clock.timer();
    stop.abort(new Error("enough"));
    await expect(answer).rejects.toThrow("enough");
    expect(server.requests).toHaveLength(1);
  });
});

describe("a server that does not answer", () => {
  it("at all is unreachable", async () => {
    const { client, server } = await setUp([]);
    await server.close();
    const error: unknown = await client.get(resources.configMaps, key, { signal }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ServerUnreachableError);
    expect(error).toMatchObject({ method: "GET", path: "/api/v1/namespaces/one/configmaps/a" });
    expect((error as Error).message).toContain("ECONNREFUSED");
  });

  it("in time is unreachable", async () => {
    const { client } = await setUp([() => undefined], { timeoutMs: 50 });
    await expect(client.get(resources.configMaps, key, { signal })).rejects.toThrow(ServerUnreachableError);
  });

  it("to the end is unreachable", async () => {
    const { client } = await setUp([
      (response) => response.writeHead(200, { "content-length": "100" }).write("{", () => response.destroy()),
    ]);
    await expect(client.get(resources.configMaps, key, { signal })).rejects.toThrow(ServerUnreachableError);
  });

  it("is not waited for once the caller gives up", async () => {
    const { client, server } = await setUp([() => undefined]);
    const stop = new AbortController();
    const answer = client.get(resources.configMaps, key, { signal: stop.signal });
    await server.received(1);
    stop.abort(new Error("enough"));
    await expect(answer).rejects.toThrow("enough");
  });
});

it("a connection that does not come about is not waited for once the caller gives up", async () => {
  const silent = createServer().listen(0, "127.0.0.1");
  const connected = once(silent, "connection") as Promise<[Socket]>;
  await once(silent, "listening");
  const client = new KubernetesClient({
    connection: {
      server: `https://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      readCredentials: async () => ({}),
    },
    userAgent: "test",
  });
  const stop = new AbortController();
  const answer = client.get(resources.configMaps, key, { signal: stop.signal });
  const [socket] = await connected;
  socket.on("error", () => undefined);
  stop.abort(new Error("enough"));
  await expect(answer).rejects.toThrow("enough");
  expect(socket.closed).toBe(false);
  socket.destroy();
  silent.close();
  await client.close();
});

describe("credentials", () => {
  const ok = json(200, configMap("a", "1"));

  it("are read anew after a minute", async () => {
    let reads = 0;
    const readCredentials = async () => ({ authorization: `Bearer ${(reads += 1)}` });
    const { client, clock, server } = await setUp([ok, ok, ok], { readCredentials });
    await client.get(resources.configMaps, key, { signal });
    clock.advance(59_999);
    await client.get(resources.configMaps, key, { signal });
    clock.advance(1);
    await client.get(resources.configMaps, key, { signal });
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(["Bearer 1", "Bearer 1", "Bearer 2"]);
  });

  it("that are refused are read anew and tried once more", async () => {
    let reads = 0;
    const readCredentials = async () => ({ authorization: `Bearer ${(reads += 1)}` });
    const { client, clock, server } = await setUp([status(401, "Unauthorized"), ok], { readCredentials });
    const answer = client.get(resources.configMaps, key, { signal });
    await clock.passTimer();
    await answer;
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(["Bearer 1", "Bearer 2"]);
  });

  it("that cannot be read fail the request, and are read again for the next", async () => {
    let reads = 0;
    const readCredentials = async (): Promise<Credentials> => {
      reads += 1;
      if (reads === 1) throw new Error("no such file");
      return {};
    };
    const { client } = await setUp([ok], { readCredentials });
    await expect(client.get(resources.configMaps, key, { signal })).rejects.toThrow("no such file");
    await client.get(resources.configMaps, key, { signal });
  });

  it("may carry further headers", async () => {
    const readCredentials = async () => ({ headers: { "Impersonate-User": "jane" } });
    const { client, server } = await setUp([ok], { readCredentials });
    await client.get(resources.configMaps, key, { signal });
    expect(server.requests[0]?.headers["impersonate-user"]).toBe("jane");
  });

  it("whose certificates changed get new connections, without harm to what is in flight", async () => {
    let finish: (() => void) | undefined;
    const slow: Reply = (response, request) => {
      finish = () => ok(response, request);
    };
    let serverName = "first";
    const { client, clock, server } = await setUp([slow, ok], { readCredentials: async () => ({ serverName }) });
    const inFlight = client.get(resources.configMaps, key, { signal });
    await server.received(1);
    serverName = "second";
    clock.advance(60_000);
    await client.get(resources.configMaps, key, { signal });
    finish?.();
    expect((await inFlight).metadata.name).toBe("a");
    expect(server.sockets.size).toBe(2);
  });

  it("whose certificates changed do not cut the watches under way", async () => {
    let serverName = "first";
    let send: ((event: unknown) => void) | undefined;
    const watched: Reply = (response) => {
      response.writeHead(200).flushHeaders();
      send = (event) => response.write(`${JSON.stringify(event)}\n`);
    };
    const { client, clock } = await setUp([watched, ok], { readCredentials: async () => ({ serverName }) });
    const events = await client.watch(resources.configMaps, { signal });
    serverName = "second";
    clock.advance(60_000);
    await client.get(resources.configMaps, key, { signal });
    const event = { type: "ADDED", object: configMap("a", "1") };
    send?.(event);
    expect((await events.next()).value).toEqual(event);
  });
});

describe("a watch", () => {
  it("may begin with what exists", async () => {
    const event = { type: "ADDED", object: configMap("a", "1") };
    const { client, server } = await setUp([stream([event], "close")]);
    server.streamingLists = true;
    const events: unknown[] = [];
    for await (const each of await client.watch(resources.configMaps, { sendInitialEvents: true, signal }))
      events.push(each);
    expect(events).toEqual([event]);
    expect(Object.fromEntries(server.requests[0]?.query ?? [])).toMatchObject({
      sendInitialEvents: "true",
      resourceVersionMatch: "NotOlderThan",
    });
  });

  it("throws the errors that the server sends within it", async () => {
    const { client } = await setUp([
      stream([{ type: "ERROR", object: { code: 410, reason: "Expired", message: "too old" } }], "close"),
    ]);
    const events = await client.watch(resources.configMaps, { signal });
    await expect(events.next()).rejects.toMatchObject({ status: 410, reason: "Expired" });
  });
});

it("a closed client refuses further requests", async () => {
  const { client } = await setUp([json(200, {})]);
  await client.get(resources.configMaps, key, { signal });
  await client.close();
  await expect(client.get(resources.configMaps, key, { signal })).rejects.toThrow("closed");
});
