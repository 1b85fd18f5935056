import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger, type KubernetesClient, type Pod, systemClock } from "@orchestrator/controller-runtime";
import { beforeEach, expect, test } from "vitest";
import { MemoryWatch } from "./memory-watch.ts";
import { PodEvents } from "./pod-events.ts";
import { PodWorker } from "./pod-worker.ts";
import { findTools } from "./sandbox/tools.ts";
import { defaultSettings } from "./settings.ts";
import { ClusterSources } from "./volumes/cluster-sources.ts";

let folder: string;
let lines: { msg: string; container?: string; err?: { message: string } }[];
let status: Pod["status"];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pod-worker-"));
  lines = [];
  status = undefined;
  return () => rm(folder, { recursive: true });
});

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "pod", namespace: "team", uid: "u-1" },
  spec: { restartPolicy: "Never", containers: [{ name: "main", image: "sleeper" }] },
};

/** Works on `pod` with real processes and an API server that takes everything. */
async function startWorker(): Promise<PodWorker> {
  const client = {
    patch: (_type: unknown, _key: unknown, patch: Pod) => Promise.resolve(void (status = patch.status)),
    delete: () => Promise.resolve(),
  } as unknown as KubernetesClient;
  const logger = createLogger({
    level: "debug",
    name: "test",
    destination: { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]) },
  });
  const recorder = { record: () => Promise.resolve() } as unknown as ConstructorParameters<
    typeof PodEvents
  >[0]["recorder"];
  return new PodWorker(pod, {
    client,
    clock: systemClock,
    logger,
    settings: defaultSettings,
    images: new Map([["sleeper", { entrypoint: ["sleep", "60"], env: {}, mounts: [] }]]),
    tools: await findTools(),
    sources: new ClusterSources(client),
    memoryWatch: new MemoryWatch({ clock: systemClock, intervalMs: 1_000 }),
    events: new PodEvents({ recorder, logger }),
    serviceEnvironment: {},
    allocatable: {},
    podsDirectory: folder,
  });
}

test("a container whose end cannot be told has ended, and its pod goes", async () => {
  const worker = await startWorker();
  const over = worker.run(new AbortController().signal);
  await expect.poll(() => status?.containerStatuses?.[0]?.state?.running).toBeDefined();
  await rm(join(folder, "u-1/main/0.message"));
  worker.update({
    ...pod,
    metadata: { ...pod.metadata, deletionTimestamp: "2026-01-01T00:00:00Z", deletionGracePeriodSeconds: 0 },
  } as Pod);
  await over;
  expect(status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
    exitCode: 137,
    reason: "ContainerStatusUnknown",
  });
  expect(lines).toMatchObject([{ msg: "end of a container not known", container: "main" }]);
  expect(lines[0]?.err?.message).toContain("0.message");
  expect(await readdir(folder)).toEqual([]);
});

test("a pod whose object is gone ends also where its containers' ends cannot be told", async () => {
  const worker = await startWorker();
  const over = worker.run(new AbortController().signal);
  await expect.poll(() => status?.containerStatuses?.[0]?.state?.running).toBeDefined();
  await rm(join(folder, "u-1/main/0.message"));
  worker.vanish();
  await over;
  expect(await readdir(folder)).toEqual([]);
});
