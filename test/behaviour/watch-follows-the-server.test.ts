import {
  type ConfigMap,
  type CustomResourceDefinition,
  createLogger,
  Informer,
  KubernetesClient,
  type ResourceType,
  resources,
} from "@orchestrator/controller-runtime";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startApiProxy } from "../support/api-proxy.ts";
import { adminClient } from "../support/cluster.ts";
import { createNamespace, type TestNamespace } from "../support/namespace.ts";
import { connectAsServiceAccount } from "../support/service-account.ts";
import { waitFor } from "../support/wait.ts";

const { signal } = new AbortController();
const logger = createLogger({ level: "silent", name: "test" });
const cleanUps: (() => Promise<unknown>)[] = [];
let client: KubernetesClient;
let namespace: TestNamespace;

beforeAll(async () => {
  client = await adminClient();
});

afterAll(() => client.close());

beforeEach(async () => {
  namespace = await createNamespace(client, "watch");
});

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  await namespace.delete();
});

function create(name: string, data: Record<string, string> = {}): Promise<ConfigMap> {
  const metadata = { namespace: namespace.name, name, labels: { watched: "yes" } };
  return client.create(resources.configMaps, { apiVersion: "v1", kind: "ConfigMap", metadata, data }, { signal });
}

async function remove(name: string): Promise<void> {
  await client.delete(resources.configMaps, { namespace: namespace.name, name }, { signal });
}

/** An informer of the labelled ConfigMaps of the test's namespace, and what it tells. */
function follow(by: KubernetesClient = client) {
  const informer = new Informer({
    client: by,
    type: resources.configMaps,
    namespaces: [namespace.name],
    labelSelector: "watched=yes",
    project: ({ metadata, data }) => ({ uid: metadata.uid, version: metadata.resourceVersion, data }),
    logger,
  });
  const changes: string[] = [];
  informer.onChange(({ type, key }) => changes.push(`${type} ${key.name}`));
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  running.catch(() => undefined);
  cleanUps.push(async () => {
    stop.abort();
    await running.catch(() => undefined);
  });
  return { informer, changes, running };
}

/** Resolves with all changes, once the expected ones are among them. */
function told(changes: string[], expected: string[]): Promise<string[]> {
  return waitFor(`the informer to tell ${expected.join(", ")}`, async () =>
    expected.every((change) => changes.includes(change)) ? { done: changes } : { pending: changes },
  );
}

describe("an informer on a real API server", () => {
  it("holds more objects than a page, and follows changes", async () => {
    const names = Array.from({ length: 1050 }, (_, index) => `object-${index}`);
    await Promise.all(names.map((name) => create(name)));
    const { informer, changes } = follow();
    await informer.synced(signal);
    expect(informer.store.list()).toHaveLength(1050);
    await create("new", { a: "1" });
    await client.patch(
      resources.configMaps,
      { namespace: namespace.name, name: "new" },
      { data: { a: "2" } },
      { type: "merge", signal },
    );
    await remove("object-7");
    await told(changes, ["added new", "updated new", "deleted object-7"]);
    expect(informer.store.get({ namespace: namespace.name, name: "new" })?.data).toEqual({ a: "2" });
    expect(informer.store.list()).toHaveLength(1050);
  });

  it("tells of an object that leaves its selection", async () => {
    await create("leaving");
    const { informer, changes } = follow();
    await informer.synced(signal);
    const labels = { metadata: { labels: { watched: "no" } } };
    const key = { namespace: namespace.name, name: "leaving" };
    await client.patch(resources.configMaps, key, labels, { type: "merge", signal });
    expect(await told(changes, ["deleted leaving"])).toEqual(["added leaving", "deleted leaving"]);
  });

  it("tells what happened while it was cut off, and knows a new object from an old one of its name", async () => {
    await using proxy = await startApiProxy(client);
    const connection = { ...client.connection, server: proxy.url };
    const distant = new KubernetesClient({ connection, userAgent: "behaviour-test" });
    cleanUps.push(() => distant.close());
    const before = await create("reborn");
    await create("doomed");
    const { informer, changes } = follow(distant);
    await informer.synced(signal);
    proxy.cut();
    await remove("doomed");
    await remove("reborn");
    const after = await create("reborn");
    await create("meanwhile");
    expect(changes).toEqual(["added doomed", "added reborn"]);
    proxy.mend();
    await waitFor("the informer to catch up", async () =>
      changes.includes("added meanwhile") ? { done: true } : { pending: changes },
    );
    expect(changes.slice(2).sort()).toEqual(["added meanwhile", "added reborn", "deleted doomed", "deleted reborn"]);
    const reborn = informer.store.get({ namespace: namespace.name, name: "reborn" });
    expect(reborn?.uid).toBe(after.metadata.uid);
    expect(reborn?.uid).not.toBe(before.metadata.uid);
  });

  it("shows an own write at once, and tells nothing when the watch repeats it", async () => {
    await using proxy = await startApiProxy(client);
    const connection = { ...client.connection, server: proxy.url };
    const distant = new KubernetesClient({ connection, userAgent: "behaviour-test" });
    cleanUps.push(() => distant.close());
    const { informer, changes } = follow(distant);
    await informer.synced(signal);
    proxy.cut();
    const written = await create("written");
    informer.store.remember(written);
    const key = { namespace: namespace.name, name: "written" };
    expect(informer.store.get(key)?.version).toBe(written.metadata.resourceVersion);
    await create("later");
    proxy.mend();
    expect(await told(changes, ["added later"])).toEqual(["added later"]);
  });

  it("without permission ends with what is missing", async () => {
    const connection = await connectAsServiceAccount(client, { namespace: namespace.name, name: "stranger" });
    const stranger = new KubernetesClient({ connection, userAgent: "stranger" });
    cleanUps.push(() => stranger.close());
    await expect(follow(stranger).running).rejects.toThrow(
      `no permission to list configmaps in namespace "${namespace.name}"`,
    );
  });

  it("of a kind that is not installed ends with what to install", async () => {
    const type: ResourceType = {
      group: "example.com",
      version: "v1",
      plural: "things",
      kind: "Thing",
      namespaced: true,
    };
    const informer = new Informer({ client, type, project: () => undefined, logger });
    await expect(informer.run(signal)).rejects.toThrow(
      "the API server does not know things.example.com of example.com/v1: install its CustomResourceDefinition",
    );
  });
});

describe("a kind of its own", () => {
  it("cannot be watched from before its time, and its informer survives its removal", async () => {
    const kind = await installKind();
    await expect(
      client.watch(kind.type, { resourceVersion: "1", signal }).then((events) => events.next()),
    ).rejects.toMatchObject({
      status: 410,
    });
    const informer = new Informer({ client, type: kind.type, project: ({ metadata }) => metadata.uid, logger });
    const changes: string[] = [];
    informer.onChange(({ type, key }) => changes.push(`${type} ${key.name}`));
    const stop = new AbortController();
    const running = informer.run(stop.signal);
    cleanUps.push(async () => {
      stop.abort();
      await running;
    });
    await informer.synced(signal);
    await kind.create("first");
    await told(changes, ["added first"]);
    await kind.remove();
    await told(changes, ["deleted first"]);
    await kind.install();
    await kind.create("second");
    expect(await told(changes, ["added second"])).toEqual(["added first", "deleted first", "added second"]);
  });
});

/** A kind in a group that is this test's alone. */
async function installKind() {
  const group = `${namespace.name}.example.com`;
  const type: ResourceType = { group, version: "v1", plural: "things", kind: "Thing", namespaced: true };
  const key = { name: `things.${group}` };
  const definition: CustomResourceDefinition = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: key,
    spec: {
      group,
      names: { plural: "things", kind: "Thing" },
      scope: "Namespaced",
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
    },
  };
  const install = async (): Promise<void> => {
    await client.create(resources.customResourceDefinitions, definition, { signal });
    await waitFor("the kind to be served", async (limited) => {
      const page = await client.list(type, { namespace: namespace.name, signal: limited });
      return { done: page };
    });
  };
  const remove = async (): Promise<void> => {
    await client.delete(resources.customResourceDefinitions, key, { signal });
    await waitFor("the kind to be gone", async (limited) => {
      const { items } = await client.list(resources.customResourceDefinitions, { signal: limited });
      return items.some(({ metadata }) => metadata.name === key.name) ? { pending: items } : { done: undefined };
    });
  };
  const create = (name: string): Promise<unknown> =>
    client.create(
      type,
      { apiVersion: `${group}/v1`, kind: "Thing", metadata: { namespace: namespace.name, name } },
      { signal },
    );
  await install();
  cleanUps.push(() => client.delete(resources.customResourceDefinitions, key, { signal }));
  return { type, install, remove, create };
}
