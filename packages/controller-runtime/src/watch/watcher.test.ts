import type { ServerResponse } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import { KubernetesClient } from "../client/kubernetes-client.ts";
import { resources } from "../resources/resources.ts";
import { createMetrics } from "../metrics/metrics.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { memoryLog } from "../testing/memory-log.ts";
import { configMap } from "../testing/objects.ts";
import { json, list, type Reply, ScriptedServer, status, stream } from "../testing/scripted-server.ts";
import { ResourceUnavailableError } from "./resource-unavailable-error.ts";
import { Watcher, type WatcherEvent } from "./watcher.ts";

const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const added = (name: string, version: string) => ({ type: "ADDED", object: configMap(name, version) });
const bookmark = (resourceVersion: string) => ({ type: "BOOKMARK", object: { metadata: { resourceVersion } } });
const initialEnd = (resourceVersion: string) => {
  const annotations = { "k8s.io/initial-events-end": "true" };
  return { type: "BOOKMARK", object: { metadata: { resourceVersion, annotations } } };
};
const expired = { type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired", message: "too old" } };

/** Runs a watcher against a server that plays these replies, and knows no streaming lists. */
function watch(...replies: Reply[]) {
  return start(replies, false);
}

/** The same against a server that knows them. */
function watchStreaming(...replies: Reply[]) {
  return start(replies, true);
}

async function start(replies: Reply[], streamingLists: boolean) {
  const server = await new ScriptedServer(...replies).start();
  server.streamingLists = streamingLists;
  const clock = new ManualClock();
  const client = new KubernetesClient({ connection: server.connection, userAgent: "test", watchSilenceMs: 1000 });
  const metrics = createMetrics();
  const events: string[] = [];
  const { logger, lines } = memoryLog();
  const stop = new AbortController();
  const watcher = new Watcher({
    client,
    type: resources.configMaps,
    selection: { namespace: "one", labelSelector: "x=y" },
    onEvent: (event) => events.push(describeEvent(event)),
    logger,
    metrics,
    clock,
    random: () => 0,
  });
  const running = watcher.run(stop.signal);
  running.catch(() => undefined);
  const end = async (): Promise<void> => {
    stop.abort();
    await running.catch(() => undefined);
  };
  cleanUps.push(
    () => server.close(),
    () => client.close(),
    end,
  );
  const transitions = (): string[] =>
    lines.flatMap(({ from, to }) => (from === undefined ? [] : [[from, to].join(" ")]));
  return { server, clock, events, lines, metrics, transitions, stop, running };
}

function describeEvent(event: WatcherEvent<{ metadata: { name: string; resourceVersion?: string } }>): string {
  switch (event.type) {
    case "restored":
    case "listBegun":
      return event.type;
    case "listEnded":
    case "progressed":
      return `${event.type} ${event.resourceVersion}`;
    case "listed":
    case "applied":
    case "deleted":
      return `${event.type} ${event.object.metadata.name}`;
  }
}

describe("listing", () => {
  it("goes page by page, then watches from the list's version with bookmarks and a time limit", async () => {
    const { server, events } = await watch(
      list("10", [configMap("a", "1")], "next"),
      list("10", [configMap("b", "2")]),
      stream([], "open"),
    );
    const watching = await server.received(3);
    expect(events).toEqual(["listBegun", "listed a", "listed b", "listEnded 10"]);
    const [first, second] = server.requests;
    expect(first?.path).toBe("/api/v1/namespaces/one/configmaps");
    expect(Object.fromEntries(first?.query ?? [])).toEqual({ labelSelector: "x=y", limit: "500" });
    expect(second?.query.get("continue")).toBe("next");
    expect(Object.fromEntries(watching.query)).toEqual({
      labelSelector: "x=y",
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: "10",
      timeoutSeconds: "290",
    });
  });

  it("goes on with the same page after a failure", async () => {
    const { server, clock, events } = await watch(
      list("10", [configMap("a", "1")], "next"),
      status(500, "InternalError"),
      list("10", [configMap("b", "2")]),
      stream([], "open"),
    );
    expect(await clock.passTimer()).toBe(800);
    await server.received(4);
    expect(events).toEqual(["listBegun", "listed a", "listed b", "listEnded 10"]);
    expect(server.requests[2]?.query.get("continue")).toBe("next");
  });

  it("starts over when the pages have expired", async () => {
    const { server, clock, events } = await watch(
      list("10", [configMap("a", "1")], "next"),
      status(410, "Expired"),
      list("20", [configMap("c", "15")]),
      stream([], "open"),
    );
    await clock.passTimer();
    await server.received(4);
    expect(events).toEqual(["listBegun", "listed a", "listBegun", "listed c", "listEnded 20"]);
    expect(server.requests[2]?.query.get("continue")).toBeNull();
  });
});

describe("a streaming list", () => {
  it("is the beginning of the watch", async () => {
    const { server, events, transitions, metrics } = await watchStreaming(
      stream([added("a", "1"), added("b", "2"), initialEnd("10"), added("c", "11"), bookmark("12")], "open"),
    );
    await expect
      .poll(() => events)
      .toEqual(["listBegun", "listed a", "listed b", "listEnded 10", "applied c", "progressed 12"]);
    expect(server.requests).toHaveLength(1);
    expect(Object.fromEntries(server.requests[0]?.query ?? [])).toEqual({
      labelSelector: "x=y",
      watch: "true",
      allowWatchBookmarks: "true",
      sendInitialEvents: "true",
      resourceVersionMatch: "NotOlderThan",
      timeoutSeconds: "290",
    });
    expect(transitions()).toEqual(["empty streaming", "streaming watching"]);
    expect(await metrics.registry.metrics()).toContain(
      'watch_transitions_total{resource="configmaps",from="streaming",to="watching"} 1',
    );
  });

  it("goes on from where it stood when its stream ends", async () => {
    const { server, clock } = await watchStreaming(
      stream([initialEnd("10"), added("a", "11")], "close"),
      stream([], "open"),
    );
    await clock.passTimer();
    const resumed = await server.received(2);
    expect(resumed.query.get("resourceVersion")).toBe("11");
    expect(resumed.query.get("sendInitialEvents")).toBeNull();
  });

  it("tells what is deleted before it has come to its end", async () => {
    const { events } = await watchStreaming(
      stream([added("a", "1"), { type: "DELETED", object: configMap("a", "9") }, initialEnd("10")], "open"),
    );
    await expect.poll(() => events).toEqual(["listBegun", "listed a", "deleted a", "listEnded 10"]);
  });

  it.each([
    { name: "ends", reply: stream([added("a", "1")], "close") },
    { name: "breaks", reply: stream([added("a", "1")], "reset") },
    { name: "is cut within a line", reply: stream([added("a", "1"), '{"type":"ADD'], "close") },
  ])("that $name too early is followed by one by pages, and offered again for the next", async ({ reply }) => {
    const { server, clock, transitions } = await watchStreaming(
      reply,
      list("10", [configMap("b", "2")]),
      stream([expired], "close"),
      stream([initialEnd("20")], "open"),
    );
    await clock.passTimer();
    await clock.passTimer();
    await server.received(4);
    expect(server.requests.map(({ query }) => query.get("sendInitialEvents"))).toEqual(["true", null, null, "true"]);
    expect(transitions().slice(0, 5)).toEqual([
      "empty streaming",
      "streaming empty",
      "empty listed",
      "listed watching",
      "watching empty",
    ]);
  });

  it("that the server refuses is made by pages at once, then and ever after", async () => {
    const { server, clock } = await watchStreaming(
      status(422, "Invalid"),
      list("10", []),
      stream([expired], "close"),
      list("20", []),
      stream([], "open"),
    );
    await server.received(3);
    await clock.passTimer();
    await server.received(5);
    expect(server.requests.map(({ query }) => query.get("sendInitialEvents"))).toEqual([
      "true",
      null,
      null,
      null,
      null,
    ]);
  });
});

describe("a server that was restored from a backup", () => {
  const before = [initialEnd("100"), { type: "ERROR", object: { code: 410, reason: "Expired", message: "" } }];

  it("is noticed by the version of a page", async () => {
    const { events, server, clock } = await watchStreaming(
      stream(before, "close"),
      status(422, "Invalid"),
      list("50", [configMap("a", "40")]),
      stream([], "open"),
    );
    await clock.passTimer();
    await server.received(4);
    expect(events.slice(2)).toEqual(["restored", "listBegun", "listed a", "listEnded 50"]);
  });

  it("is noticed at the end of a streaming list, which is made once more", async () => {
    const again = [added("a", "40"), initialEnd("50")];
    const { events, clock } = await watchStreaming(
      stream(before, "close"),
      stream(again, "open"),
      stream(again, "open"),
    );
    await clock.passTimer();
    await expect
      .poll(() => events.slice(2))
      .toEqual(["listBegun", "listed a", "restored", "listBegun", "listed a", "listEnded 50"]);
  });
});

describe("a watch that told nothing for two minutes, not even a bookmark", () => {
  it.each([
    { over: "ends", end: (response: ServerResponse) => response.end(), pauses: 0 },
    { over: "breaks", end: (response: ServerResponse) => response.destroy(), pauses: 1 },
  ])("and $over is followed by a list: the server's history may have gone back", async ({ end, pauses }) => {
    let over: (() => void) | undefined;
    const deaf: Reply = (response) => {
      response.writeHead(200).flushHeaders();
      over = () => end(response);
    };
    const { server, clock, events, transitions } = await watch(list("10", []), deaf, list("5", []), stream([], "open"));
    await expect.poll(() => transitions().at(-1)).toBe("listed watching");
    clock.advance(120_000);
    over?.();
    for (let pause = 0; pause < pauses; pause += 1) await clock.passTimer();
    expect((await server.received(4)).query.get("resourceVersion")).toBe("5");
    expect(events.slice(2)).toEqual(["restored", "listBegun", "listEnded 5"]);
  });
});

describe("a watch", () => {
  it("tells of additions, changes, deletions and progress", async () => {
    const { server, clock, events } = await watch(
      list("10", []),
      stream(
        [
          added("a", "11"),
          { type: "MODIFIED", object: configMap("a", "12") },
          { type: "DELETED", object: configMap("a", "13") },
          bookmark("14"),
        ],
        "close",
      ),
      stream([], "open"),
    );
    await clock.passTimer();
    expect((await server.received(3)).query.get("resourceVersion")).toBe("14");
    expect(events).toEqual(["listBegun", "listEnded 10", "applied a", "applied a", "deleted a", "progressed 14"]);
  });

  it.each([
    { name: "closed", reply: stream([added("a", "11")], "close") },
    { name: "reset", reply: stream([added("a", "11")], "reset") },
    { name: "ended within a line", reply: stream([added("a", "11"), '{"type":"ADDED","object":{'], "close") },
    {
      name: "ended by an error of the server's",
      reply: stream([added("a", "11"), { type: "ERROR", object: { code: 500, reason: "InternalError" } }], "close"),
    },
  ])("that is $name is resumed where it stood", async ({ reply }) => {
    const { server, clock, events } = await watch(list("10", []), reply, stream([], "open"));
    await clock.passTimer();
    const resumed = await server.received(3);
    expect(resumed.query.get("watch")).toBe("true");
    expect(resumed.query.get("resourceVersion")).toBe("11");
    expect(events).toEqual(["listBegun", "listEnded 10", "applied a"]);
  });

  it.each([
    { name: "410", reply: status(410, "Gone") },
    { name: "410 within the stream", reply: stream([expired], "close") },
    { name: "a broken line", reply: stream(['{"type":"ADD\n', added("a", "11")], "close") },
  ])("that meets $name lists anew", async ({ reply }) => {
    const { server, clock, events } = await watch(
      list("10", []),
      reply,
      list("20", [configMap("b", "15")]),
      stream([], "open"),
    );
    await clock.passTimer();
    await server.received(4);
    expect(server.requests[2]?.query.get("watch")).toBeNull();
    expect(server.requests[3]?.query.get("resourceVersion")).toBe("20");
    expect(events).toEqual(["listBegun", "listEnded 10", "listBegun", "listed b", "listEnded 20"]);
  });

  it.each([500, 502, 503])("refused with %i is tried again from the same version", async (code) => {
    const { server, clock } = await watch(list("10", []), status(code, "Trouble"), stream([], "open"));
    await clock.passTimer();
    const again = await server.received(3);
    expect(again.query.get("resourceVersion")).toBe("10");
  });

  it.each([
    { asked: "7", waits: 7000 },
    { asked: "3600", waits: 30_000 },
  ])("refused with 429 waits as long as the server asks, half a minute at most ($asked)", async ({ asked, waits }) => {
    const tooMany = status(429, "TooManyRequests", { "retry-after": "0" });
    const last = status(429, "TooManyRequests", { "retry-after": asked });
    const { server, clock } = await watch(list("10", []), tooMany, tooMany, tooMany, tooMany, last, stream([], "open"));
    expect(await clock.passTimer()).toBe(waits);
    expect((await server.received(7)).query.get("resourceVersion")).toBe("10");
  });

  it("that brings nothing for too long, not even a bookmark, is resumed", async () => {
    const { server, clock } = await watch(list("10", []), stream([added("a", "11")], "open"), stream([], "open"));
    await clock.passTimer();
    expect((await server.received(3)).query.get("resourceVersion")).toBe("11");
  });

  it("survives an answer that is no JSON at all", async () => {
    const { server, clock } = await watch(
      list("10", []),
      (response) => response.writeHead(502, { "content-type": "text/html" }).end("<html>Bad Gateway</html>"),
      stream([], "open"),
    );
    await clock.passTimer();
    expect((await server.received(3)).query.get("resourceVersion")).toBe("10");
  });
});

describe("the pauses", () => {
  it("grow while nothing gets better, also when every list works and every watch is refused", async () => {
    const rounds = Array.from({ length: 7 }, () => [list("10", []), status(410, "Expired")]).flat();
    const { clock } = await watch(...rounds);
    const delays: number[] = [];
    for (let round = 0; round < 7; round += 1) delays.push(await clock.passTimer());
    expect(delays).toEqual([800, 1600, 3200, 6400, 12_800, 25_600, 30_000]);
  });

  it("start over after ten seconds of health", async () => {
    let breakNow: (() => void) | undefined;
    const healthy: Reply = (response) => {
      response.writeHead(200).flushHeaders();
      breakNow = () => response.destroy();
    };
    const { server, clock, transitions } = await watch(
      list("10", []),
      stream([], "close"),
      stream([], "close"),
      healthy,
      stream([], "open"),
    );
    expect([await clock.passTimer(), await clock.passTimer()]).toEqual([800, 1600]);
    await server.received(4);
    await expect.poll(() => transitions().at(-1)).toBe("listed watching");
    clock.advance(10_000);
    breakNow?.();
    expect(await clock.passTimer()).toBe(800);
  });

  it("are none when the server ends a watch after its time", async () => {
    let end: (() => void) | undefined;
    const { server, clock, transitions } = await watch(
      list("10", []),
      (response) => {
        response.writeHead(200).flushHeaders();
        end = () => response.end();
      },
      stream([], "open"),
    );
    await server.received(2);
    await expect.poll(() => transitions().at(-1)).toBe("listed watching");
    clock.advance(290_000);
    end?.();
    await server.received(3);
    expect(clock.pending).toEqual([]);
  });
});

describe("what only a person can mend", () => {
  it.each([
    {
      name: "no permission to list",
      replies: [status(403, "Forbidden")],
      message: 'no permission to list configmaps in namespace "one"',
    },
    {
      name: "no permission to watch",
      replies: [list("10", []), status(403, "Forbidden")],
      message: 'no permission to watch configmaps in namespace "one"',
    },
    {
      name: "an unknown kind",
      replies: [json(404, "404 page not found")],
      message: "the API server does not know configmaps of v1: install its CustomResourceDefinition",
    },
    {
      name: "refused credentials",
      replies: [status(401, "Unauthorized"), status(401, "Unauthorized")],
      message: "the API server does not accept these credentials (list configmaps)",
    },
  ])("$name ends the watcher with a clear error", async ({ replies, message }) => {
    const { running } = await watch(...replies);
    await expect(running).rejects.toThrow(ResourceUnavailableError);
    await expect(running).rejects.toThrow(message);
  });

  it("is passing trouble once the watch has worked", async () => {
    const { server, clock, events } = await watch(
      list("10", []),
      stream([], "close"),
      status(403, "Forbidden"),
      stream([added("a", "11")], "open"),
    );
    await clock.passTimer();
    await clock.passTimer();
    await server.received(4);
    await expect.poll(() => events).toContain("applied a");
  });
});

describe("a stop", () => {
  const never: Reply = () => undefined;

  it.each([
    { name: "while listing", replies: [never], requests: 1 },
    { name: "between two pages", replies: [list("10", [], "next"), never], requests: 2 },
    { name: "while the watch opens", replies: [list("10", []), never], requests: 2 },
    { name: "while watching", replies: [list("10", []), stream([added("a", "11")], "open")], requests: 2 },
    { name: "while a streaming list opens", replies: [never], requests: 1, streaming: true },
    { name: "within a streaming list", replies: [stream([added("a", "11")], "open")], requests: 1, streaming: true },
  ])("$name ends the run quietly, with no further request", async ({ replies, requests, streaming = false }) => {
    const { server, stop, running, lines } = await start(replies, streaming);
    await server.received(requests);
    stop.abort();
    await expect(running).resolves.toBeUndefined();
    expect(server.requests).toHaveLength(requests);
    expect(lines.filter(({ level }) => level !== "debug")).toEqual([]);
  });

  it("during a pause ends the run quietly", async () => {
    const { server, clock, stop, running } = await watch(status(500, "InternalError"));
    await clock.timer();
    stop.abort();
    await expect(running).resolves.toBeUndefined();
    expect(clock.pending).toEqual([]);
    expect(server.requests).toHaveLength(1);
  });

  it("before the start asks nothing", async () => {
    const server = await new ScriptedServer().start();
    const client = new KubernetesClient({ connection: server.connection, userAgent: "test" });
    cleanUps.push(
      () => server.close(),
      () => client.close(),
    );
    const watcher = new Watcher({
      client,
      type: resources.configMaps,
      selection: {},
      onEvent: () => undefined,
      logger: memoryLog().logger,
    });
    await watcher.run(AbortSignal.abort());
    expect(server.requests).toHaveLength(0);
  });
});
