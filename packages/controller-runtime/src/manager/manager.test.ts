import { afterEach, describe, expect, it } from "vitest";
import { KubernetesClient } from "../client/kubernetes-client.ts";
import { Controller } from "../controller/controller.ts";
import type { Reconcile } from "../controller/reconcile-result.ts";
import { Informer } from "../informer/informer.ts";
import { LeadershipLostError } from "../leader-election/leader-elector.ts";
import { createMetrics } from "../metrics/metrics.ts";
import { resources } from "../resources/resources.ts";
import { LeaseApi, lease } from "../testing/lease-api.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { memoryLog } from "../testing/memory-log.ts";
import { configMap } from "../testing/objects.ts";
import { list, type Reply, ScriptedServer, status } from "../testing/scripted-server.ts";
import { Manager, ShutdownTimeoutError } from "./manager.ts";

const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const listsOne: Reply = (response, request) => {
  if (!request.query.get("watch")) list("10", [configMap("a", "1")])(response, request);
};

async function setUp(
  reconcile: Reconcile,
  options: { configMaps?: Reply; elects?: boolean; shutdownGraceMs?: number } = {},
) {
  const server = await new ScriptedServer().start();
  const api = new LeaseApi();
  const clock = new ManualClock();
  const client = new KubernetesClient({ connection: server.connection, userAgent: "test" });
  const metrics = createMetrics();
  const { logger, lines } = memoryLog();
  const routes = { configMaps: options.configMaps ?? listsOne, leases: api.reply };
  server.otherwise = (response, request) => {
    (request.path.includes("/leases") ? routes.leases : routes.configMaps)(response, request);
  };
  const manager = new Manager({
    client,
    logger,
    metrics,
    clock,
    leaderElection: options.elects === false ? "disabled" : { namespace: "one", name: "lease", identity: "me" },
    metricsPort: 0,
    healthPort: 0,
    shutdownGraceMs: options.shutdownGraceMs,
  });
  const informer = new Informer({
    client,
    type: resources.configMaps,
    project: ({ metadata }) => metadata.resourceVersion,
    logger,
    clock,
  });
  const calls: string[] = [];
  const controller = new Controller({
    name: "test",
    reconcile: (request, signal) => {
      calls.push(request.name);
      return reconcile(request, signal);
    },
    logger,
    metrics,
    clock,
  });
  controller.watch(informer, ({ key }) => [key]);
  manager.add(informer);
  manager.add(controller);
  const stop = new AbortController();
  const running = manager.run(stop.signal);
  running.catch(() => undefined);
  cleanUps.push(
    () => server.close(),
    () => client.close(),
    async () => {
      stop.abort();
      await running.catch(() => undefined);
    },
  );
  const health = async (path: string): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${manager.ports.health}${path}`);
    return `${response.status} ${await response.text()}`;
  };
  return { server, api, routes, clock, metrics, lines, manager, calls, stop, running, health };
}

const done: Reconcile = async () => ({ type: "awaitChange" });

/** A reconcile that lasts until it is let go, or its signal aborts. */
function heldReconcile() {
  const { promise, resolve } = Promise.withResolvers<void>();
  const reconcile: Reconcile = async (_key, signal) => {
    const aborted = new Promise<never>((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
    await Promise.race([promise, aborted]);
    return { type: "awaitChange" };
  };
  return { reconcile, letGo: resolve };
}

describe("the start", () => {
  it("syncs the informers before it takes the lease, and takes the lease before it reconciles", async () => {
    const { server, calls, api } = await setUp(async () => {
      expect(api.lease?.spec?.holderIdentity).toBe("me");
      return { type: "awaitChange" };
    });
    await expect.poll(() => calls).toEqual(["a"]);
    const requests = server.requests.map(({ method, path }) => `${method} ${path.split("/").at(-1)}`);
    expect(requests.indexOf("GET configmaps")).toBeLessThan(requests.indexOf("GET lease"));
  });

  it("tells who asked for it that it leads, before anything is reconciled", async () => {
    const { manager, calls } = await setUp(done);
    const before: string[][] = [];
    manager.onLeading(async () => void before.push([...calls]));
    await expect.poll(() => calls).toEqual(["a"]);
    expect(before).toEqual([[]]);
  });

  it("is alive at once, and ready when the informers are synced, leader or not", async () => {
    let answer: (() => void) | undefined;
    const { api, manager, health, calls, clock } = await setUp(done, {
      configMaps: (response, request) => {
        if (!request.query.get("watch")) answer = () => listsOne(response, request);
      },
    });
    api.write(lease({ holderIdentity: "other" }));
    await expect.poll(() => answer).toBeDefined();
    expect(await health("/healthz")).toBe("200 ok");
    expect(await health("/readyz")).toBe("503 the informers are not synced");
    expect(await health("/else")).toBe("404 not found");
    answer?.();
    await expect.poll(() => health("/readyz")).toBe("200 ok");
    await clock.timer();
    expect(calls).toEqual([]);
    const metrics = await fetch(`http://127.0.0.1:${manager.ports.metrics}/metrics`);
    expect(metrics.headers.get("content-type")).toContain("text/plain");
    expect(await metrics.text()).toContain('leader_election_master_status{name="lease"} 0');
  });

  it("without leader election reconciles without a lease", async () => {
    const { server, calls, stop, running } = await setUp(done, { elects: false });
    await expect.poll(() => calls).toEqual(["a"]);
    stop.abort();
    await running;
    expect(server.requests.some(({ path }) => path.includes("/leases"))).toBe(false);
  });

  it("ends with the error of an informer that cannot work", async () => {
    const { running, calls } = await setUp(done, { configMaps: status(404, "NotFound") });
    await expect(running).rejects.toThrow("install its CustomResourceDefinition");
    expect(calls).toEqual([]);
  });

  it("ends with a clear error when the lease is forbidden", async () => {
    const { running, routes } = await setUp(done);
    routes.leases = status(403, "Forbidden");
    await expect(running).rejects.toThrow("the lease one/lease cannot be used");
  });

  it("ends with an error when a port is taken", async () => {
    const { manager, clock } = await setUp(done);
    await clock.timer();
    const { client, logger, metrics } = {
      client: undefined as never,
      logger: memoryLog().logger,
      metrics: createMetrics(),
    };
    const second = new Manager({
      client,
      logger,
      metrics,
      leaderElection: "disabled",
      metricsPort: manager.ports.metrics,
      healthPort: 0,
    });
    await expect(second.run(new AbortController().signal)).rejects.toThrow("EADDRINUSE");
  });
});

describe("the stop", () => {
  it("finishes the reconcile in hand, still renewing, and releases the lease last", async () => {
    const { reconcile, letGo } = heldReconcile();
    const { api, calls, clock, stop, running, server } = await setUp(reconcile);
    await expect.poll(() => calls).toEqual(["a"]);
    stop.abort();
    await clock.passTimer(2000);
    await expect.poll(() => api.lease?.spec?.renewTime).toBe("2026-01-01T00:00:02.000000Z");
    expect(api.lease?.spec?.holderIdentity).toBe("me");
    letGo();
    await running;
    expect(api.lease?.spec?.holderIdentity).toBeUndefined();
    expect(server.requests.at(-1)?.method).toBe("PUT");
  });

  it("is quiet while the informers are not synced, or another process leads", async () => {
    const unsynced = await setUp(done, { configMaps: () => undefined });
    await unsynced.server.received(1);
    unsynced.stop.abort();
    await expect(unsynced.running).resolves.toBeUndefined();
    const standby = await setUp(done);
    standby.api.write(lease({ holderIdentity: "other" }));
    await standby.server.received(3);
    standby.stop.abort();
    await expect(standby.running).resolves.toBeUndefined();
    expect(standby.api.lease?.spec?.holderIdentity).toBe("other");
  });

  it("gives the lease back that it has just taken and has not begun to use", async () => {
    const { api, calls, manager, stop, running } = await setUp(done);
    let asked: AbortSignal | undefined;
    manager.onLeading((signal) => {
      asked = signal;
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      });
    });
    await expect.poll(() => asked).toBeDefined();
    expect(api.lease?.spec?.holderIdentity).toBe("me");
    stop.abort();
    await running;
    expect(api.lease?.spec?.holderIdentity).toBeUndefined();
    expect(calls).toEqual([]);
  });

  it("gives up a reconcile that takes too long, and leaves the lease to run out", async () => {
    const { api, calls, clock, stop, running } = await setUp(heldReconcile().reconcile, { shutdownGraceMs: 1000 });
    await expect.poll(() => calls).toEqual(["a"]);
    stop.abort();
    await clock.passTimer(1000);
    await expect(running).rejects.toThrow(ShutdownTimeoutError);
    expect(api.lease?.spec?.holderIdentity).toBe("me");
  });

  it("is clean when the lease cannot be released", async () => {
    const { routes, calls, stop, running, lines } = await setUp(done);
    await expect.poll(() => calls).toEqual(["a"]);
    routes.leases = status(500, "InternalError");
    stop.abort();
    await expect(running).resolves.toBeUndefined();
    expect(lines.map(({ msg }) => msg)).toContain("cannot release the lease: it will run out");
  });
});

it("the loss of the lease gives up the reconciles in hand and ends the program", async () => {
  const { api, calls, clock, running, lines } = await setUp(heldReconcile().reconcile);
  await expect.poll(() => calls).toEqual(["a"]);
  api.write(lease({ holderIdentity: "other" }));
  await clock.passTimer(2000);
  await expect(running).rejects.toThrow(LeadershipLostError);
  expect(lines.map(({ msg }) => msg)).toContain("reconcile abandoned");
  expect(api.lease?.spec?.holderIdentity).toBe("other");
});
