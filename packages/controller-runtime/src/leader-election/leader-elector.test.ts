import { afterEach, describe, expect, it } from "vitest";
import { KubernetesClient } from "../client/kubernetes-client.ts";
import { createMetrics } from "../metrics/metrics.ts";
import { LeaseApi, lease } from "../testing/lease-api.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { memoryLog } from "../testing/memory-log.ts";
import { ScriptedServer, status } from "../testing/scripted-server.ts";
import { decideLease } from "./lease-decision.ts";
import {
  type LeaderElectionOptions,
  LeaderElector,
  LeadershipLostError,
  LeaseUnavailableError,
} from "./leader-elector.ts";

const { signal } = new AbortController();
const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function setUp() {
  const server = await new ScriptedServer().start();
  const api = new LeaseApi();
  server.otherwise = api.reply;
  const clock = new ManualClock();
  const client = new KubernetesClient({ connection: server.connection, userAgent: "test" });
  cleanUps.push(
    () => server.close(),
    () => client.close(),
  );
  const metrics = createMetrics();
  const { logger } = memoryLog();
  const elector = (identity: string, options: Partial<LeaderElectionOptions> = {}) =>
    new LeaderElector({
      client,
      logger,
      metrics,
      clock,
      random: () => 0,
      namespace: "one",
      name: "lease",
      identity,
      ...options,
    });
  const methods = (): string[] => server.requests.splice(0).map(({ method }) => method);
  return { server, api, clock, elector, metrics, methods };
}

describe("acquiring", () => {
  it("creates the lease where there is none", async () => {
    const { api, elector, metrics } = await setUp();
    await elector("me").acquire(signal);
    expect(api.lease?.metadata).toMatchObject({ namespace: "one", name: "lease" });
    expect(api.lease?.spec).toEqual({
      holderIdentity: "me",
      leaseDurationSeconds: 15,
      acquireTime: "2026-01-01T00:00:00.000000Z",
      renewTime: "2026-01-01T00:00:00.000000Z",
      leaseTransitions: 0,
    });
    expect(await metrics.registry.metrics()).toContain('leader_election_master_status{name="lease"} 1');
  });

  it("takes a released lease at once", async () => {
    const { api, elector } = await setUp();
    api.write(lease({ leaseDurationSeconds: 1 }));
    await elector("me").acquire(signal);
    expect(api.lease?.spec).toMatchObject({ holderIdentity: "me", leaseTransitions: 4 });
  });

  it("goes on with its own lease after a restart", async () => {
    const { api, elector } = await setUp();
    api.write(lease({ holderIdentity: "me", acquireTime: "2025-12-31T00:00:00.000000Z" }));
    await elector("me").acquire(signal);
    expect(api.lease?.spec).toMatchObject({ leaseTransitions: 3, acquireTime: "2025-12-31T00:00:00.000000Z" });
  });

  it("waits for a whole lease duration without a sign of life, by its own clock", async () => {
    const { api, elector, clock, metrics } = await setUp();
    // The other machine's clock is an hour behind.
    api.write(lease({ holderIdentity: "other", renewTime: "2025-12-31T23:00:00.000000Z" }));
    const acquired = elector("me").acquire(signal);
    for (let waited = 0; waited < 14; waited += 2) await clock.passTimer(2000);
    expect(api.lease?.spec?.holderIdentity).toBe("other");
    expect(await metrics.registry.metrics()).toContain('leader_election_master_status{name="lease"} 0');
    // No longer than that, whatever the pause between tries.
    await clock.passTimer(1001);
    await acquired;
    expect(api.lease?.spec).toMatchObject({ holderIdentity: "me", leaseTransitions: 4 });
  });

  it("is not misled by a date that is set", async () => {
    const { api, elector, clock } = await setUp();
    api.write(lease({ holderIdentity: "other" }));
    const acquired = elector("me").acquire(signal);
    await clock.timer();
    clock.setDate(clock.now() + 3_600_000);
    for (let waited = 0; waited < 14; waited += 2) await clock.passTimer(2000);
    expect(api.lease?.spec?.holderIdentity).toBe("other");
    await clock.passTimer(1001);
    await acquired;
  });

  it.each([
    { name: "is given back", event: { type: "MODIFIED", object: lease({ holderIdentity: "" }) } },
    { name: "is deleted", event: { type: "DELETED", object: lease({ holderIdentity: "other" }) } },
  ])("takes a lease that $name at once where it may be watched", async ({ event }) => {
    const { server, api, elector, clock } = await setUp();
    server.streamingLists = true;
    const held = api.write(lease({ holderIdentity: "other" }));
    let tell: (() => void) | undefined;
    api.watched = (response) => {
      response.writeHead(200).flushHeaders();
      tell = () => response.write(`${JSON.stringify(event)}\n`);
    };
    const start = clock.now();
    const acquired = elector("me").acquire(signal);
    await expect.poll(() => tell).toBeDefined();
    api.lease = event.type === "DELETED" ? undefined : { ...held, spec: {} };
    tell?.();
    await acquired;
    expect(clock.now()).toBe(start);
    expect(api.lease?.spec?.holderIdentity).toBe("me");
  });

  it("starts waiting anew with every sign of life", async () => {
    const { api, elector, clock } = await setUp();
    const held = api.write(lease({ holderIdentity: "other" }));
    const stop = new AbortController();
    const acquired = elector("me").acquire(stop.signal);
    for (let round = 0; round < 20; round += 1) {
      await clock.passTimer(2000);
      if (round % 5 === 0) api.write({ ...held, spec: { ...held.spec, renewTime: `2026-01-01T00:00:${10 + round}Z` } });
    }
    expect(api.lease?.spec?.holderIdentity).toBe("other");
    stop.abort(new Error("enough"));
    await expect(acquired).rejects.toThrow("enough");
  });

  it("lets one of two win", async () => {
    const { api, elector, clock } = await setUp();
    const stop = new AbortController();
    const winners: string[] = [];
    const racing = ["a", "b"].map(async (identity) => {
      await elector(identity).acquire(stop.signal);
      winners.push(identity);
    });
    await expect.poll(() => winners).toHaveLength(1);
    await clock.passTimer(2000);
    expect(api.lease?.spec?.holderIdentity).toBe(winners[0]);
    stop.abort();
    await Promise.allSettled(racing);
    expect(winners).toHaveLength(1);
  });

  it("goes on after the API server was away", async () => {
    const { server, api, elector, clock } = await setUp();
    server.otherwise = status(500, "InternalError");
    const acquired = elector("me").acquire(signal);
    await clock.passTimer(2000);
    server.otherwise = api.reply;
    await acquired;
    expect(api.lease?.spec?.holderIdentity).toBe("me");
  });

  it("without permission ends with a clear error", async () => {
    const { server, elector } = await setUp();
    server.otherwise = status(403, "Forbidden");
    const acquired = elector("me").acquire(signal);
    await expect(acquired).rejects.toThrow(LeaseUnavailableError);
    await expect(acquired).rejects.toThrow("the lease one/lease cannot be used");
  });

  it("that is refused later goes on trying", async () => {
    const { server, api, elector, clock } = await setUp();
    api.write(lease({ holderIdentity: "other" }));
    const acquired = elector("me").acquire(signal);
    await expect.poll(() => clock.pending).toContain(2000);
    server.otherwise = status(403, "Forbidden");
    const asked = server.requests.length;
    await clock.passTimer(2000);
    await server.received(asked + 1);
    await expect.poll(() => clock.pending).toContain(2000);
    server.otherwise = api.reply;
    api.write(lease({ leaseDurationSeconds: 1 }));
    await clock.passTimer(2000);
    await acquired;
    expect(api.lease?.spec?.holderIdentity).toBe("me");
  });
});

describe("holding", () => {
  it("costs one request every two seconds, and keeps the time of acquiring", async () => {
    const { api, elector, clock, methods } = await setUp();
    const leader = elector("me");
    await leader.acquire(signal);
    methods();
    const stop = new AbortController();
    const held = leader.hold(stop.signal);
    await clock.passTimer(2000);
    await clock.passTimer(2000);
    await clock.passTimer(2000);
    await expect.poll(() => api.lease?.spec?.renewTime).toBe("2026-01-01T00:00:06.000000Z");
    expect(api.lease?.spec?.acquireTime).toBe("2026-01-01T00:00:00.000000Z");
    expect(methods()).toEqual(["PUT", "PUT", "PUT"]);
    stop.abort();
    await held;
  });

  it("survives trouble that is shorter than the renew deadline", async () => {
    const { server, api, elector, clock } = await setUp();
    const leader = elector("me");
    await leader.acquire(signal);
    const stop = new AbortController();
    const held = leader.hold(stop.signal);
    server.otherwise = status(500, "InternalError");
    for (let tries = 0; tries < 3; tries += 1) await clock.passTimer(2000);
    server.otherwise = api.reply;
    await clock.passTimer(2000);
    await expect.poll(() => api.lease?.spec?.renewTime).toBe("2026-01-01T00:00:08.000000Z");
    stop.abort();
    await held;
  });

  it("survives somebody's edit of the lease's labels", async () => {
    const { api, elector, clock } = await setUp();
    const leader = elector("me");
    await leader.acquire(signal);
    const stop = new AbortController();
    const held = leader.hold(stop.signal);
    if (api.lease) api.write(api.lease);
    await clock.passTimer(2000);
    await expect.poll(() => api.lease?.spec?.renewTime).toBe("2026-01-01T00:00:02.000000Z");
    stop.abort();
    await held;
  });

  it("makes the lease again when it was deleted", async () => {
    const { server, api, elector, clock } = await setUp();
    const leader = elector("me");
    await leader.acquire(signal);
    const stop = new AbortController();
    const held = leader.hold(stop.signal);
    api.lease = undefined;
    await clock.passTimer(2000);
    await expect.poll(() => api.lease?.spec?.holderIdentity).toBe("me");
    expect(server.requests.at(-1)?.method).toBe("POST");
    stop.abort();
    await held;
  });

  it("ends when the lease could not be renewed in time, before others may take it", async () => {
    const { server, elector, clock, metrics } = await setUp();
    const leader = elector("me", { retryPeriodMs: 3000 });
    await leader.acquire(signal);
    const start = clock.now();
    const held = leader.hold(signal);
    held.catch(() => undefined);
    server.otherwise = status(500, "InternalError");
    for (let tries = 0; tries < 3; tries += 1) await clock.passTimer(3000);
    await clock.passTimer(1000);
    await expect(held).rejects.toThrow(LeadershipLostError);
    expect(clock.now() - start).toBe(10_000);
    expect(await metrics.registry.metrics()).toContain('leader_election_master_status{name="lease"} 0');
  });

  it("tries again in time when the API server does not answer one renewal", async () => {
    const { server, api, elector, clock } = await setUp();
    const leader = elector("me");
    await leader.acquire(signal);
    const stop = new AbortController();
    const held = leader.hold(stop.signal);
    server.otherwise = () => undefined;
    await clock.passTimer(2000);
    server.otherwise = api.reply;
    await clock.passTimer(5000);
    await clock.passTimer(2000);
    await expect.poll(() => api.lease?.spec?.renewTime).toBe("2026-01-01T00:00:09.000000Z");
    leader.checkHeld();
    stop.abort();
    await held;
  });

  it("ends when the API server keeps silent", async () => {
    const { server, elector, clock } = await setUp();
    const leader = elector("me");
    await leader.acquire(signal);
    const held = leader.hold(signal);
    held.catch(() => undefined);
    server.otherwise = () => undefined;
    for (const milliseconds of [2000, 5000, 2000, 1000]) await clock.passTimer(milliseconds);
    await expect(held).rejects.toThrow(LeadershipLostError);
  });

  it("ends at once when the lease is another's", async () => {
    const { api, elector, clock } = await setUp();
    const leader = elector("me");
    await leader.acquire(signal);
    const held = leader.hold(signal);
    held.catch(() => undefined);
    api.write(lease({ holderIdentity: "other" }));
    await clock.passTimer(2000);
    await expect(held).rejects.toThrow("held by another process");
    expect(api.lease?.spec?.holderIdentity).toBe("other");
  });
});

describe("whether this process may write", () => {
  it("is so from acquiring to releasing", async () => {
    const { elector } = await setUp();
    const leader = elector("me");
    expect(() => leader.checkHeld()).toThrow(LeadershipLostError);
    await leader.acquire(signal);
    leader.checkHeld();
    await leader.release(signal);
    expect(() => leader.checkHeld()).toThrow(LeadershipLostError);
  });

  it("is not so when it slept through the renew deadline, before any timer has told it", async () => {
    const { elector, clock } = await setUp();
    const leader = elector("me");
    await leader.acquire(signal);
    clock.advance(9_999);
    leader.checkHeld();
    clock.setDate(clock.now() - 3_600_000);
    clock.advance(1);
    expect(() => leader.checkHeld()).toThrow("could not be renewed in time");
  });
});

describe("releasing", () => {
  it("lets the next one in at once", async () => {
    const { api, elector, metrics } = await setUp();
    const first = elector("first");
    await first.acquire(signal);
    await first.release(signal);
    expect(api.lease?.spec?.holderIdentity).toBeUndefined();
    expect(api.lease?.spec?.leaseDurationSeconds).toBe(1);
    expect(await metrics.registry.metrics()).toContain('leader_election_master_status{name="lease"} 0');
    await elector("second").acquire(signal);
    expect(api.lease?.spec).toMatchObject({ holderIdentity: "second", leaseTransitions: 1 });
  });

  it("works when a renewal was cut off after it had reached the server", async () => {
    const { api, elector } = await setUp();
    const leader = elector("me");
    await leader.acquire(signal);
    if (api.lease) api.write(api.lease);
    await leader.release(signal);
    expect(api.lease?.spec?.holderIdentity).toBeUndefined();
  });

  it("leaves another's lease alone", async () => {
    const { api, elector, methods } = await setUp();
    const leader = elector("me");
    await leader.release(signal);
    expect(methods()).toEqual([]);
    await leader.acquire(signal);
    api.write(lease({ holderIdentity: "other" }));
    await leader.release(signal);
    expect(api.lease?.spec?.holderIdentity).toBe("other");
  });
});

describe("times that do not fit each other", () => {
  it.each([
    { name: "a lease no longer than the deadline", times: { leaseDurationMs: 10_000 }, message: "lease duration" },
    { name: "a deadline that allows one try", times: { retryPeriodMs: 9_000 }, message: "renew deadline" },
  ])("are refused: $name", async ({ times, message }) => {
    const { elector } = await setUp();
    expect(() => elector("me", times)).toThrow(message);
  });
});

it.each([
  { name: "nobody holds", spec: {}, now: 0, decision: "take" },
  { name: "we hold", spec: { holderIdentity: "me" }, now: 1e9, decision: "renew" },
  { name: "another holds", spec: { holderIdentity: "other" }, now: 15_000, decision: "wait" },
  { name: "another held", spec: { holderIdentity: "other" }, now: 15_001, decision: "take" },
  {
    name: "another holds for a duration of its own",
    spec: { holderIdentity: "other", leaseDurationSeconds: 60 },
    now: 15_001,
    decision: "wait",
  },
])("a lease that $name: $decision", ({ spec, now, decision }) => {
  expect(decideLease(lease(spec), "me", 0, now)).toBe(decision);
});
