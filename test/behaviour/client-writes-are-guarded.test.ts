import {
  type ConfigMap,
  EventRecorder,
  isApiError,
  type Job,
  KubernetesClient,
  resources,
  systemClock,
} from "@orchestrator/controller-runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { adminClient } from "../support/cluster.ts";
import { createNamespace, type TestNamespace } from "../support/namespace.ts";
import { connectAsServiceAccount } from "../support/service-account.ts";

const { signal } = new AbortController();
let client: KubernetesClient;
let namespace: TestNamespace;

beforeAll(async () => {
  client = await adminClient();
  namespace = await createNamespace(client, "client");
});

afterAll(async () => {
  await namespace.delete();
  await client.close();
});

function configMap(name: string): ConfigMap {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: namespace.name, name }, data: { a: "1" } };
}

async function refusal(request: Promise<unknown>): Promise<string> {
  const error: unknown = await request.then(
    () => "none",
    (thrown: unknown) => thrown,
  );
  return isApiError(error) ? `${error.status} ${error.reason}` : String(error);
}

describe("the client on a real API server", () => {
  it("is told that an object exists", async () => {
    await client.create(resources.configMaps, configMap("twice"), { signal });
    expect(await refusal(client.create(resources.configMaps, configMap("twice"), { signal }))).toBe(
      "409 AlreadyExists",
    );
  });

  it("is told that an object does not", async () => {
    const key = { namespace: namespace.name, name: "nowhere" };
    expect(await refusal(client.get(resources.configMaps, key, { signal }))).toBe("404 NotFound");
    await client.delete(resources.configMaps, key, { signal });
  });

  it("cannot write on an old version, by replace or by patch", async () => {
    const old = await client.create(resources.configMaps, configMap("old"), { signal });
    const key = { namespace: namespace.name, name: "old" };
    const patch = { metadata: { resourceVersion: old.metadata.resourceVersion }, data: { a: "2" } };
    const patched = await client.patch(resources.configMaps, key, patch, { type: "merge", signal });
    expect(patched.data).toEqual({ a: "2" });
    expect(await refusal(client.patch(resources.configMaps, key, patch, { type: "merge", signal }))).toBe(
      "409 Conflict",
    );
    expect(await refusal(client.replace(resources.configMaps, old, { signal }))).toBe("409 Conflict");
    const replaced = await client.replace(resources.configMaps, { ...patched, data: { a: "3" } }, { signal });
    expect(replaced.data).toEqual({ a: "3" });
  });

  it("cannot delete a later object of the same name", async () => {
    const key = { namespace: namespace.name, name: "reborn" };
    const first = await client.create(resources.configMaps, configMap("reborn"), { signal });
    await client.delete(resources.configMaps, key, { uid: first.metadata.uid, signal });
    const second = await client.create(resources.configMaps, configMap("reborn"), { signal });
    expect(await refusal(client.delete(resources.configMaps, key, { uid: first.metadata.uid, signal }))).toBe(
      "409 Conflict",
    );
    const { uid, resourceVersion } = second.metadata;
    await client.delete(resources.configMaps, key, { uid, resourceVersion, signal });
    expect(await refusal(client.get(resources.configMaps, key, { signal }))).toBe("404 NotFound");
  });

  it("patches by JSON patch and strategic merge, and a status alone", async () => {
    await client.create(resources.configMaps, configMap("patched"), { signal });
    const key = { namespace: namespace.name, name: "patched" };
    const steps = [{ op: "replace", path: "/data/a", value: "2" }];
    expect((await client.patch(resources.configMaps, key, steps, { type: "json", signal })).data).toEqual({ a: "2" });
    const merged = await client.patch(resources.configMaps, key, { data: { b: "3" } }, { type: "strategic", signal });
    expect(merged.data).toEqual({ a: "2", b: "3" });
    const job: Job = {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { namespace: namespace.name, name: "job" },
      spec: {
        suspend: true,
        template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "none" }] } },
      },
    };
    await client.create(resources.jobs, job, { signal });
    const jobKey = { namespace: namespace.name, name: "job" };
    const change = { spec: { suspend: false }, status: { active: 1, ready: 1 } };
    const patched = await client.patch(resources.jobs, jobKey, change, {
      type: "merge",
      subresource: "status",
      signal,
    });
    expect(patched.spec.suspend).toBe(true);
    expect(patched.status?.ready).toBe(1);
    await client.delete(resources.jobs, jobKey, { propagationPolicy: "Background", signal });
  });

  it("is told what is wrong with an invalid object", async () => {
    const error: unknown = await client
      .create(resources.configMaps, configMap("Not A Name"), { signal })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 422, reason: "Invalid", details: { causes: [{ field: "metadata.name" }] } });
  });

  it("is told what it has no permission for", async () => {
    const stranger = new KubernetesClient({
      connection: await connectAsServiceAccount(client, { namespace: namespace.name, name: "stranger" }),
      userAgent: "stranger",
    });
    const error: unknown = await stranger
      .create(resources.configMaps, configMap("foreign"), { signal })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 403, reason: "Forbidden" });
    expect((error as Error).message).toContain("stranger");
    await stranger.close();
  });

  it("records an event that stands with its object", async () => {
    const regarded = await client.create(resources.configMaps, configMap("regarded"), { signal });
    const recorder = new EventRecorder({ client, component: "example.com/c", instance: "c-1", clock: systemClock });
    const { uid = "" } = regarded.metadata;
    const regarding = { apiVersion: "v1", kind: "ConfigMap", namespace: namespace.name, name: "regarded", uid };
    const event = { type: "Warning", reason: "Looked", action: "Look", note: "é".repeat(2000) } as const;
    await recorder.record(regarding, event, signal);
    const { items } = await client.list(resources.events, { namespace: namespace.name, signal });
    const [recorded] = items.filter((item) => item.regarding.uid === uid);
    expect(recorded).toMatchObject({ type: "Warning", reason: "Looked", reportingController: "example.com/c" });
  });
});
