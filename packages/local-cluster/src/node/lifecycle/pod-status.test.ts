import { describe, expect, test } from "vitest";
import type { Pod, PodSpec } from "../pod.ts";
import { type ContainerRecord, newRecord } from "./container-record.ts";
import type { Observation, Step } from "./pod-lifecycle.ts";
import { podStatus } from "./pod-status.ts";
import { restorePod } from "./restore.ts";

const now = Date.parse("2026-01-01T00:01:00Z");

function aPod(spec: Partial<PodSpec> = {}, status: Pod["status"] = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "pod", generation: 3 },
    spec: { restartPolicy: "Never", containers: [{ name: "main", image: "shell" }], ...spec },
    status,
  };
}

function exited(exitCode: number, message?: string): ContainerRecord {
  const exit = { containerId: "c1", startedAt: now - 2000, finishedAt: now, exitCode, reason: "Error" };
  const state = { type: "exited", exit: message === undefined ? exit : { ...exit, message } } as const;
  return { state, runs: 1, earlierRuns: 0, crashes: 1 };
}

function running(ready: boolean): ContainerRecord {
  const state = { type: "running", containerId: "c2", startedAt: now, started: true, ready } as const;
  return { state, runs: 1, earlierRuns: 0, crashes: 0 };
}

function statusOf(
  pod: Pod,
  records: Record<string, ContainerRecord>,
  { step = { finished: false }, ...rest }: Partial<Observation> & { step?: Pick<Step, "ending" | "finished"> } = {},
) {
  const { initContainers = [], containers } = pod.spec;
  const observed: Observation = {
    now,
    startTime: now - 5000,
    containers: new Map([...initContainers, ...containers].map(({ name }) => [name, records[name] ?? newRecord()])),
    volumes: { type: "ready" },
    crashBackOff: { initialMs: 1, maxMs: 2 },
    ...rest,
  };
  return podStatus(pod, observed, { ...step, conditions: pod.status?.conditions ?? [] });
}

function conditionsOf(status: ReturnType<typeof statusOf>): Record<string, string> {
  return Object.fromEntries(
    (status.conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason ?? ""}`.trim()]),
  );
}

describe("a container's state", () => {
  test("names the volume that a new pod waits for", () => {
    const volumes = { type: "failed", message: "no such Secret", retryAt: now } as const;
    const status = statusOf(aPod(), {}, { volumes });
    expect(status.containerStatuses?.[0]?.state).toEqual({
      waiting: { reason: "ContainerCreating", message: "no such Secret" },
    });
    expect(status.podIP).toBeUndefined();
  });

  test("goes on naming what is in the way while that is tried again", () => {
    const after = { reason: "CreateContainerConfigError", message: "no such key" };
    const main: ContainerRecord = { ...newRecord(), state: { type: "starting", after } };
    expect(statusOf(aPod(), { main }).containerStatuses?.[0]?.state).toEqual({ waiting: after });
    const volumes = { type: "preparing", message: "no such Secret" } as const;
    expect(statusOf(aPod(), {}, { volumes }).containerStatuses?.[0]?.state).toEqual({
      waiting: { reason: "ContainerCreating", message: "no such Secret" },
    });
  });

  test("is CrashLoopBackOff between two runs, with the last end beside it", () => {
    const status = statusOf(aPod({ restartPolicy: "Always" }), { main: exited(4) });
    expect(status.containerStatuses?.[0]).toMatchObject({
      state: { waiting: { reason: "CrashLoopBackOff" } },
      lastState: { terminated: { exitCode: 4, finishedAt: "2026-01-01T00:01:00.000Z" } },
    });
  });

  test("is terminated as soon as the pod is ending, whatever the restart policy", () => {
    const step = { ending: { cause: "deletion" as const, killAt: now }, finished: false };
    const status = statusOf(aPod({ restartPolicy: "Always" }), { main: exited(4) }, { step });
    expect(status.containerStatuses?.[0]?.state).toMatchObject({ terminated: { exitCode: 4 } });
    expect(status.containerStatuses?.[0]?.lastState).toEqual({});
  });

  test("is unknown when it never ran in a pod that had begun and is over", () => {
    const pod = aPod({ containers: [{ name: "main" }, { name: "other" }] });
    const step = { ending: { cause: "deadline" as const, killAt: now }, finished: true };
    const status = statusOf(pod, { main: exited(0) }, { step });
    expect(status.containerStatuses?.[1]?.state).toMatchObject({
      terminated: { exitCode: 137, reason: "ContainerStatusUnknown" },
    });
    expect(status).toMatchObject({ phase: "Failed", reason: "DeadlineExceeded" });
  });

  test("holds a message cut to its share of the pod's room, never within a character", () => {
    const initContainers = [1, 2, 3].map((n) => ({ name: `init-${n}` }));
    const status = statusOf(aPod({ initContainers }), { main: exited(1, "é".repeat(4000)) });
    const message = status.containerStatuses?.[0]?.state?.terminated?.message ?? "";
    expect(message).toBe("é".repeat(12_288 / 4 / 2));
  });
});

describe("the pod's conditions", () => {
  test("count the readiness of main containers and sidecars", () => {
    const initContainers = [{ name: "sidecar", restartPolicy: "Always" as const }, { name: "init" }];
    const records = { sidecar: running(true), init: exited(0), main: running(true) };
    const ready = statusOf(aPod({ initContainers }), records);
    expect(conditionsOf(ready)).toEqual({
      PodReadyToStartContainers: "True",
      Initialized: "True",
      Ready: "True",
      ContainersReady: "True",
    });
    const unready = statusOf(aPod({ initContainers }), { ...records, sidecar: running(false) });
    expect(unready.conditions?.find(({ type }) => type === "Ready")).toMatchObject({
      status: "False",
      message: "containers with unready status: [sidecar]",
    });
  });

  test("say what is not initialized, and when all has ended", () => {
    const initContainers = [{ name: "init" }];
    expect(conditionsOf(statusOf(aPod({ initContainers }), {}))["Initialized"]).toBe("False ContainersNotInitialized");
    const step = { ending: { cause: "completed" as const, killAt: now }, finished: true };
    expect(conditionsOf(statusOf(aPod(), { main: exited(0) }, { step }))).toEqual({
      PodReadyToStartContainers: "False",
      Initialized: "True PodCompleted",
      Ready: "False PodCompleted",
      ContainersReady: "False PodCompleted",
    });
  });

  test("keep the time of their last change", () => {
    const earlier = "2025-01-01T00:00:00Z";
    const conditions = [
      { type: "Ready", status: "False" as const, lastTransitionTime: earlier },
      { type: "Initialized", status: "False" as const, lastTransitionTime: earlier },
    ];
    const status = statusOf(aPod({}, { conditions }), {});
    const times = Object.fromEntries((status.conditions ?? []).map((one) => [one.type, one.lastTransitionTime]));
    expect(times["Ready"]).toBe(earlier);
    expect(times["Initialized"]).toBe(new Date(now).toISOString());
  });
});

describe("a pod that an earlier process of the node had begun", () => {
  const begun: Pod["status"] = {
    initContainerStatuses: [
      { name: "init", ready: true, restartCount: 0, image: "", imageID: "", state: { terminated: { exitCode: 0 } } },
    ],
    containerStatuses: [
      {
        name: "main",
        ready: true,
        restartCount: 2,
        image: "",
        imageID: "",
        state: { running: { startedAt: "2026-01-01T00:00:00Z" } },
      },
    ],
  };
  const initContainers = [{ name: "init" }];

  test("is lost when it is never restarted", () => {
    const { ending, containers } = restorePod(aPod({ initContainers }, begun), now);
    expect(ending).toEqual({ cause: "lost", killAt: now });
    expect(containers.get("main")?.state).toMatchObject({ type: "exited", exit: { reason: "ContainerStatusUnknown" } });
    expect(containers.get("init")?.state).toMatchObject({ type: "exited", exit: { exitCode: 0 } });
  });

  test("begins again with its init containers otherwise, and counts on", () => {
    const { ending, containers } = restorePod(aPod({ initContainers, restartPolicy: "Always" }, begun), now);
    expect(ending).toBeUndefined();
    expect(containers.get("init")).toMatchObject({ state: { type: "new" }, runs: 0 });
    expect(containers.get("main")).toMatchObject({
      state: { type: "new" },
      runs: 0,
      earlierRuns: 3,
      last: { reason: "ContainerStatusUnknown" },
    });
  });

  test("does not repeat what had succeeded when only failures are repeated", () => {
    const status: Pod["status"] = {
      containerStatuses: [
        { name: "main", ready: false, restartCount: 0, image: "", imageID: "", state: { terminated: { exitCode: 0 } } },
      ],
    };
    const { containers } = restorePod(aPod({ restartPolicy: "OnFailure" }, status), now);
    expect(containers.get("main")?.state).toMatchObject({ type: "exited", exit: { exitCode: 0 } });
  });

  test("is begun as new when none of its containers ever ran", () => {
    const status: Pod["status"] = {
      containerStatuses: [
        {
          name: "main",
          ready: false,
          restartCount: 0,
          image: "",
          imageID: "",
          state: { waiting: { reason: "ContainerCreating" } },
        },
      ],
    };
    const { ending, containers } = restorePod(aPod({}, status), now);
    expect(ending).toBeUndefined();
    expect(containers.get("main")).toEqual(newRecord());
  });
});
