import {
  createLogger,
  createMetrics,
  KubernetesClient,
  LeaderElector,
  LeadershipLostError,
  LeaseUnavailableError,
  resources,
} from "@orchestrator/controller-runtime";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startApiProxy } from "../support/api-proxy.ts";
import { adminClient } from "../support/cluster.ts";
import { createNamespace, type TestNamespace } from "../support/namespace.ts";
import { connectAsServiceAccount } from "../support/service-account.ts";
import { waitFor } from "../support/wait.ts";

const logger = createLogger({ level: "silent", name: "test" });
const cleanUps: (() => Promise<unknown>)[] = [];
let client: KubernetesClient;
let namespace: TestNamespace;
let signal: AbortSignal;

beforeAll(async () => {
  client = await adminClient();
});

afterAll(() => client.close());

beforeEach(async () => {
  signal = AbortSignal.timeout(200_000);
  namespace = await createNamespace(client, "election");
});

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  await namespace.delete();
});

/** Short times, so that a dead holder is not waited for long, and above the stalls of a busy machine. */
function elector(identity: string, by: KubernetesClient = client): LeaderElector {
  const times = { leaseDurationMs: 8000, renewDeadlineMs: 7000, retryPeriodMs: 500 };
  const metrics = createMetrics();
  return new LeaderElector({
    client: by,
    logger,
    metrics,
    namespace: namespace.name,
    name: "lease",
    identity,
    ...times,
  });
}

async function holder(): Promise<string | undefined> {
  const key = { namespace: namespace.name, name: "lease" };
  return (await client.get(resources.leases, key, { signal })).spec?.holderIdentity;
}

describe("leader election on a real API server", () => {
  it("lets one of five win, and another when the first gives the lease back", async () => {
    const won: { identity: string; giveBack: () => Promise<void> }[] = [];
    const stop = new AbortController();
    const candidates = ["a", "b", "c", "d", "e"].map(async (identity) => {
      const leader = elector(identity);
      await leader.acquire(stop.signal);
      const enough = new AbortController();
      const held = leader.hold(AbortSignal.any([stop.signal, enough.signal]));
      const giveBack = async (): Promise<void> => {
        enough.abort();
        await held;
        await leader.release(signal);
      };
      won.push({ identity, giveBack });
      await held;
    });
    cleanUps.push(async () => {
      stop.abort();
      await Promise.allSettled(candidates);
    });
    const first = await waitFor("a first winner", async () => (won[0] ? { done: won[0] } : { pending: won }));
    expect(await holder()).toBe(first.identity);
    expect(won).toHaveLength(1);
    await first.giveBack();
    const second = await waitFor("a second winner", async () => (won[1] ? { done: won[1] } : { pending: won }));
    expect(await holder()).toBe(second.identity);
    expect(second.identity).not.toBe(first.identity);
  });

  it("waits for a holder that died to run out", async () => {
    await elector("dead").acquire(signal);
    const next = elector("next");
    const acquired = next.acquire(signal);
    expect(await holder()).toBe("dead");
    await acquired;
    expect(await holder()).toBe("next");
    const lease = await client.get(resources.leases, { namespace: namespace.name, name: "lease" }, { signal });
    expect(lease.spec?.leaseTransitions).toBe(1);
  });

  it("tells a holder that is cut off before another takes over", async () => {
    await using proxy = await startApiProxy(client);
    const connection = { ...client.connection, server: proxy.url };
    const distant = new KubernetesClient({ connection, userAgent: "behaviour-test" });
    cleanUps.push(() => distant.close());
    const order: string[] = [];
    const first = elector("first", distant);
    await first.acquire(signal);
    const lost = first.hold(signal).catch((error: unknown) => {
      order.push("first lost it");
      return error;
    });
    const second = elector("second")
      .acquire(signal)
      .then(() => order.push("second has it"));
    proxy.cut();
    expect(await lost).toBeInstanceOf(LeadershipLostError);
    await second;
    expect(order).toEqual(["first lost it", "second has it"]);
    expect(await holder()).toBe("second");
  });

  it("says so when it has no permission", async () => {
    const connection = await connectAsServiceAccount(client, { namespace: namespace.name, name: "stranger" });
    const stranger = new KubernetesClient({ connection, userAgent: "stranger" });
    cleanUps.push(() => stranger.close());
    const acquired = elector("stranger", stranger).acquire(signal);
    await expect(acquired).rejects.toThrow(LeaseUnavailableError);
    await expect(acquired).rejects.toThrow('cannot get resource "leases"');
  });
});
