import { afterEach, describe, expect, it } from "vitest";
import { KubernetesClient } from "../client/kubernetes-client.ts";
import { resources } from "../resources/resources.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { memoryLog } from "../testing/memory-log.ts";
import { configMap } from "../testing/objects.ts";
import { list, type Reply, ScriptedServer, status, stream } from "../testing/scripted-server.ts";
import { Informer } from "./informer.ts";

const { signal } = new AbortController();
const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function setUp(replies: Reply[], options: { namespaces?: string[] } = {}) {
  const server = await new ScriptedServer(...replies).start();
  const clock = new ManualClock();
  const client = new KubernetesClient({ connection: server.connection, userAgent: "test" });
  const { logger, lines } = memoryLog();
  const informer = new Informer({
    client,
    type: resources.configMaps,
    project: ({ metadata }) => {
      if (metadata.labels?.["bad"]) throw new Error("bad object");
      return metadata.resourceVersion;
    },
    logger,
    clock,
    random: () => 0,
    ...options,
  });
  const changes: string[] = [];
  informer.onChange(({ type, key }) => changes.push(`${type} ${key.namespace}/${key.name}`));
  const stop = new AbortController();
  const start = (): Promise<void> => {
    const running = informer.run(stop.signal);
    cleanUps.push(async () => {
      stop.abort();
      await running.catch(() => undefined);
    });
    running.catch(() => undefined);
    return running;
  };
  cleanUps.push(
    () => server.close(),
    () => client.close(),
  );
  return { server, clock, informer, changes, lines, start };
}

describe("an informer", () => {
  it("is synced when it holds what existed, and not before the last page", async () => {
    let answerLast: (() => void) | undefined;
    const late: Reply = (response, request) => {
      answerLast = () => list("10", [configMap("b", "2")])(response, request);
    };
    const { informer, server, start } = await setUp([list("10", [configMap("a", "1")], "next"), late]);
    let synced = false;
    const syncing = informer.synced(signal).then(() => {
      synced = true;
    });
    void start();
    await server.received(2);
    expect(synced).toBe(false);
    answerLast?.();
    await syncing;
    expect(informer.store.list()).toEqual(["1", "2"]);
  });

  it("tells of deletions that it missed while away, and tells a new object of an old name from the old one", async () => {
    const { informer, server, clock, changes, start } = await setUp([
      list("10", [configMap("a", "1"), configMap("b", "2"), configMap("c", "3")]),
      status(410, "Expired"),
      list("20", [configMap("b", "15", { uid: "another" }), configMap("c", "3")]),
      stream([], "open"),
    ]);
    void start();
    await clock.passTimer();
    await server.received(4);
    expect(changes.slice(3)).toEqual(["deleted one/b", "added one/b", "deleted one/a"]);
    expect(informer.store.get({ namespace: "one", name: "a" })).toBeUndefined();
  });

  it("says how far the API server is, whatever it takes to learn that", async () => {
    const { informer, server, clock } = await setUp([status(403, "Forbidden"), list("12", [], "next")]);
    const version = informer.currentVersion(signal);
    await clock.passTimer(1000);
    expect(await version).toBe("12");
    expect(server.requests.map(({ query }) => query.get("limit"))).toEqual(["1", "1"]);
    const stop = new AbortController();
    const unanswered = informer.currentVersion(stop.signal);
    stop.abort(new Error("enough"));
    await expect(unanswered).rejects.toThrow("enough");
  });

  it("tells nothing when a new list brings nothing new", async () => {
    const { server, clock, changes, start } = await setUp([
      list("10", [configMap("a", "1")]),
      status(410, "Expired"),
      list("20", [configMap("a", "1")]),
      stream([], "open"),
    ]);
    void start();
    await clock.passTimer();
    await server.received(4);
    expect(changes).toEqual(["added one/a"]);
  });

  it("ignores the watch's echo of a write that it was told to remember", async () => {
    let send: (() => void) | undefined;
    const { informer, changes, start } = await setUp([
      list("10", []),
      (response) => {
        response.writeHead(200).flushHeaders();
        const events = [configMap("a", "11"), configMap("b", "12")].map((object) => ({ type: "ADDED", object }));
        send = () => response.write(events.map((event) => `${JSON.stringify(event)}\n`).join(""));
      },
    ]);
    void start();
    await expect.poll(() => send).toBeDefined();
    informer.store.remember(configMap("a", "11"));
    expect(informer.store.get({ namespace: "one", name: "a" })).toBe("11");
    send?.();
    await expect.poll(() => changes).toEqual(["added one/b"]);
  });

  it("says what existed at the start, and what came later", async () => {
    const { informer, server, start } = await setUp([
      list("10", [configMap("a", "1")]),
      stream([{ type: "ADDED", object: configMap("b", "11") }], "open"),
    ]);
    const told: string[] = [];
    informer.onChange(({ key }, { initial }) => told.push(`${key.name} ${initial}`));
    void start();
    await server.received(2);
    await expect.poll(() => told).toEqual(["a true", "b false"]);
  });

  it("leaves an object that it does not understand as it was, and goes on with the others", async () => {
    const bad = configMap("a", "11", { labels: { bad: "yes" } });
    const { informer, lines, start } = await setUp([
      list("10", [configMap("a", "1"), { ...bad, metadata: { ...bad.metadata, name: "c" } }]),
      stream(
        [
          { type: "MODIFIED", object: bad },
          { type: "ADDED", object: configMap("b", "12") },
        ],
        "open",
      ),
    ]);
    void start();
    await expect.poll(() => informer.store.list()).toEqual(["1", "12"]);
    const errors = lines.filter(({ level }) => level === "error");
    expect(errors).toMatchObject(["c", "a"].map((name) => ({ name, msg: "object not understood" })));
  });

  it("watches each of several namespaces, and is synced when all are", async () => {
    const { informer, server, start } = await setUp([], { namespaces: ["one", "two"] });
    server.otherwise = (response, request) => {
      if (request.query.get("watch")) return;
      const namespace = request.path.split("/")[4] ?? "";
      list("10", [configMap("a", namespace === "one" ? "1" : "2", { namespace })])(response, request);
    };
    void start();
    await informer.synced(signal);
    expect(informer.store.get({ namespace: "one", name: "a" })).toBe("1");
    expect(informer.store.get({ namespace: "two", name: "a" })).toBe("2");
  });

  it("that cannot work in one namespace ends, and whoever waits for it is told why", async () => {
    const { informer, server, start } = await setUp([], { namespaces: ["one", "two"] });
    server.otherwise = (response, request) => {
      if (request.path.includes("/two/")) status(403, "Forbidden")(response, request);
    };
    const running = start();
    await expect(informer.synced(signal)).rejects.toThrow('in namespace "two"');
    await expect(running).rejects.toThrow('in namespace "two"');
  });

  it("is not waited for once the caller gives up", async () => {
    const { informer, start } = await setUp([]);
    void start();
    const stop = new AbortController();
    const syncing = informer.synced(stop.signal);
    stop.abort(new Error("enough"));
    await expect(syncing).rejects.toThrow("enough");
    await expect(informer.synced(stop.signal)).rejects.toThrow("enough");
  });
});
