import { afterEach, expect, it } from "vitest";
import { KubernetesClient } from "../client/kubernetes-client.ts";
import type { Event } from "../resources/objects.ts";
import { ManualClock } from "../testing/manual-clock.ts";
import { json, ScriptedServer } from "../testing/scripted-server.ts";
import { EventRecorder } from "./event-recorder.ts";

const { signal } = new AbortController();
const cleanUps: (() => Promise<unknown>)[] = [];
const pod = { apiVersion: "v1", kind: "Pod", namespace: "one", name: "a", uid: "u" };

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function record(regarding: { name: string; namespace?: string }, note: string) {
  const server = await new ScriptedServer(json(201, {})).start();
  const client = new KubernetesClient({ connection: server.connection, userAgent: "test" });
  cleanUps.push(
    () => server.close(),
    () => client.close(),
  );
  const recorder = new EventRecorder({ client, component: "example.com/c", instance: "c-1", clock: new ManualClock() });
  const { namespace: _namespace, ...clusterScoped } = pod;
  const event = { type: "Normal", reason: "Started", action: "Start", note } as const;
  await recorder.record({ ...clusterScoped, ...regarding }, event, signal);
  expect(server.requests).toHaveLength(1);
  return {
    path: server.requests[0]?.path,
    event: server.requests[0]?.body as Event & { metadata: { generateName: string } },
  };
}

it("writes one event beside the object", async () => {
  const { path, event } = await record({ namespace: "one", name: "a" }, "it runs");
  expect(path).toBe("/apis/events.k8s.io/v1/namespaces/one/events");
  expect(event).toEqual({
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { name: "", generateName: "a-", namespace: "one" },
    eventTime: "2026-01-01T00:00:00.000000Z",
    reportingController: "example.com/c",
    reportingInstance: "c-1",
    type: "Normal",
    reason: "Started",
    action: "Start",
    note: "it runs",
    regarding: pod,
  });
});

it("writes about cluster-scoped objects into the namespace default", async () => {
  const { path } = await record({ name: "a" }, "it runs");
  expect(path).toBe("/apis/events.k8s.io/v1/namespaces/default/events");
});

it.each([
  { name: "long", text: "x".repeat(2000) },
  { name: "long, of characters of several bytes", text: "é€😀".repeat(300) },
])("cuts a note that is $name", async ({ text }) => {
  const { event } = await record({ namespace: "one", name: "a" }, text);
  expect(Buffer.byteLength(event.note ?? "")).toBeLessThanOrEqual(1000);
  expect(event.note?.endsWith("…")).toBe(true);
  expect(text.startsWith(event.note?.slice(0, -1) ?? "?")).toBe(true);
});

it("keeps the event's name legal for an object with a long name", async () => {
  const { event } = await record({ namespace: "one", name: `${"a".repeat(199)}.${"b".repeat(50)}` }, "it runs");
  expect(event.metadata.generateName).toBe(`${"a".repeat(199)}-`);
});

it("keeps to one event for what is recorded again with the same key", async () => {
  const refusal = json(409, { kind: "Status", status: "Failure", reason: "AlreadyExists", code: 409 });
  const server = await new ScriptedServer(json(201, {}), refusal, json(201, {})).start();
  const client = new KubernetesClient({ connection: server.connection, userAgent: "test" });
  cleanUps.push(
    () => server.close(),
    () => client.close(),
  );
  const recorder = new EventRecorder({ client, component: "example.com/c", instance: "c-1", clock: new ManualClock() });
  const event = { type: "Normal", reason: "Started", action: "Start", note: "it runs" } as const;
  for (const key of ["first", "first", "second"]) await recorder.record(pod, { ...event, key }, signal);
  const names = server.requests.map(({ body }) => (body as Event).metadata.name);
  expect(names).toEqual(["a-first", "a-first", "a-second"]);
});
