import { type ConfigMap, KubernetesClient, resources } from "@orchestrator/controller-runtime";
import { type Effect, type Fault, type FaultProxy, type Verb } from "@orchestrator/fault-kit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startApiProxy } from "../support/api-proxy.ts";
import { adminClient } from "../support/cluster.ts";
import { createNamespace, type TestNamespace } from "../support/namespace.ts";

let admin: KubernetesClient;
let namespace: TestNamespace;

beforeAll(async () => {
  admin = await adminClient();
  namespace = await createNamespace(admin, "faults");
});

afterAll(async () => {
  await namespace.delete();
  await admin.close();
});

const signal = () => AbortSignal.timeout(30_000);

function make(name: string): Promise<ConfigMap> {
  const metadata = { namespace: namespace.name, name };
  return admin.create(
    resources.configMaps,
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { n: "1" } },
    { signal: signal() },
  );
}

async function change(name: string, n: string): Promise<void> {
  const key = { namespace: namespace.name, name };
  await admin.patch(resources.configMaps, key, { data: { n } }, { type: "merge", signal: signal() });
}

function fault(verb: Verb, effect: Effect): Fault {
  return { verb, resource: "configmaps", nth: 1, effect };
}

/** A client that speaks through a proxy with this plan. */
async function through(...plan: Fault[]) {
  const proxy: FaultProxy = await startApiProxy(admin, { plan });
  const client = new KubernetesClient({
    connection: { ...admin.connection, server: proxy.url },
    userAgent: "behaviour-test",
  });
  const get = async (name: string) =>
    (await client.get(resources.configMaps, { namespace: namespace.name, name }, { signal: signal() })).data;
  const stop = new AbortController();
  /** What a watch from a state on tells, until it has told so much; `then` is called for each event. */
  const watch = async (
    resourceVersion: string | undefined,
    events: number,
    options: object = {},
    then?: () => void,
  ) => {
    const seen: (string | undefined)[] = [];
    const from = { namespace: namespace.name, resourceVersion, ...options, signal: stop.signal };
    for await (const { type, object } of await client.watch(resources.configMaps, from)) {
      if (type !== "BOOKMARK") seen.push(`${type} ${object.metadata.name} ${object.data?.["n"]}`);
      if (seen.length > 0) then?.();
      if (seen.length === events) break;
    }
    return seen;
  };
  const end = async (): Promise<void> => {
    stop.abort();
    await client.close();
    await proxy[Symbol.asyncDispose]();
  };
  return { proxy, client, get, watch, [Symbol.asyncDispose]: end };
}

test("a server that lags shows everything as it was, until it has caught up", async () => {
  const { metadata } = await make("old");
  await change("old", "2");
  await make("young");
  await using lab = await through();
  lab.proxy.lag(Number(metadata.resourceVersion));
  expect(await lab.get("old")).toEqual({ n: "1" });
  await expect(lab.get("young")).rejects.toMatchObject({ reason: "NotFound" });
  const page = await lab.client.list(resources.configMaps, { namespace: namespace.name, signal: signal() });
  expect(page.items.filter(({ metadata: { name } }) => /old|young/.test(name))).toMatchObject([{ data: { n: "1" } }]);
  expect(page.resourceVersion).toBe(metadata.resourceVersion);
  const first = { sendInitialEvents: true, fieldSelector: "metadata.name=old" };
  expect(await lab.watch(undefined, 2, first, () => lab.proxy.release())).toEqual(["ADDED old 1", "MODIFIED old 2"]);
  expect(await lab.get("young")).toEqual({ n: "1" });
});

test("a watch that is held comes late, and joined it skips what was in between", async () => {
  const { metadata } = await make("held");
  await using lab = await through(fault("watch", { type: "hold", milliseconds: 300, join: true }));
  await change("held", "2");
  await change("held", "3");
  await make("passing");
  await admin.delete(resources.configMaps, { namespace: namespace.name, name: "passing" }, { signal: signal() });
  await make("last");
  const seen = ["MODIFIED held 3", "DELETED passing 1", "ADDED last 1"];
  expect(await lab.watch(metadata.resourceVersion, seen.length)).toEqual(seen);
});

test("a watch tells things twice, and breaks off in the middle of a line", async () => {
  const { metadata } = await make("told");
  await change("told", "2");
  await change("told", "3");
  await using twice = await through(fault("watch", { type: "duplicate" }));
  expect(await twice.watch(metadata.resourceVersion, 3)).toEqual([
    "MODIFIED told 2",
    "MODIFIED told 2",
    "MODIFIED told 3",
  ]);
  await using broken = await through(fault("watch", { type: "cut", afterLines: 1 }));
  await expect(broken.watch(metadata.resourceVersion, 2)).rejects.toThrow("did not answer");
});

test("a write is refused, lost on its way, or carried out and never answered", async () => {
  await using refused = await through(fault("create", { type: "refuse", status: 409 }));
  await using lost = await through(fault("create", { type: "drop", when: "request" }));
  await using unanswered = await through(fault("create", { type: "drop", when: "answer" }));
  await using cut = await through(fault("create", { type: "cut", afterLines: 0 }));
  const write = (by: KubernetesClient, name: string) => {
    const metadata = { namespace: namespace.name, name };
    return by.create(resources.configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata }, { signal: signal() });
  };
  await expect(write(refused.client, "refused")).rejects.toMatchObject({ status: 409, reason: "Conflict" });
  await expect(write(lost.client, "lost")).rejects.toThrow("did not answer");
  await expect(write(unanswered.client, "unanswered")).rejects.toThrow("did not answer");
  await expect(write(cut.client, "cut")).rejects.toThrow("did not answer");
  const { items } = await admin.list(resources.configMaps, { namespace: namespace.name, signal: signal() });
  const names = items.map(({ metadata }) => metadata.name);
  expect(names.filter((name) => /refused|lost|unanswered|cut/.test(name))).toEqual(["cut", "unanswered"]);
  expect(refused.proxy.met).toHaveLength(1);
});

test("a server that asks to wait is asked again", async () => {
  await make("asked");
  await using lab = await through(fault("get", { type: "refuse", status: 429, retryAfterSeconds: 1 }));
  expect(await lab.get("asked")).toEqual({ n: "1" });
  expect(lab.proxy.met).toHaveLength(1);
});
