import { describe, expect, test } from "vitest";
import type { Container, Pod, PodSpec } from "../pod.ts";
import { type ContainerRecord, type ContainerState, newRecord } from "./container-record.ts";
import { type Ending, nextStep, type Observation, type Step } from "./pod-lifecycle.ts";
import { podPhase } from "./pod-phase.ts";

const second = 1000;
const now = 100 * second;
const backOff = { initialMs: 10 * second, maxMs: 300 * second };

const sidecar: Container = { name: "sidecar", restartPolicy: "Always" };
const init: Container = { name: "init" };
const main: Container = { name: "main" };

function aPod(spec: Partial<PodSpec> = {}, metadata: Partial<Pod["metadata"]> = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "pod", ...metadata },
    spec: { restartPolicy: "Never", initContainers: [sidecar, init], containers: [main], ...spec },
  };
}

function running(state: Partial<Extract<ContainerState, { type: "running" }>> = {}): ContainerRecord {
  const base = { type: "running", containerId: "id", startedAt: 0, started: true, ready: true } as const;
  return { state: { ...base, ...state }, runs: 1, earlierRuns: 0, crashes: 0 };
}

function exited(exitCode: number, { crashes = 1, finishedAt = now } = {}): ContainerRecord {
  const exit = { startedAt: 0, finishedAt, exitCode, reason: exitCode === 0 ? "Completed" : "Error" };
  return { state: { type: "exited", exit }, runs: 1, earlierRuns: 0, crashes };
}

const starting: ContainerRecord = { ...newRecord(), state: { type: "starting" } };

function observe(records: Record<string, ContainerRecord>, rest: Partial<Observation> = {}): Observation {
  const names = ["sidecar", "init", "main", "second", "other"];
  return {
    now,
    startTime: 0,
    containers: new Map(names.map((name) => [name, records[name] ?? newRecord()])),
    volumes: { type: "ready" },
    crashBackOff: backOff,
    ...rest,
  };
}

/** Actions as words: `start main`, `stop main 105000`. */
function words({ actions }: Step): string[] {
  return actions.map((action) => {
    switch (action.type) {
      case "prepareVolumes":
        return "prepareVolumes";
      case "start":
        return `start ${action.container}`;
      case "stop":
        return `stop ${action.container} ${action.killAt}`;
    }
  });
}

describe("what is started", () => {
  test.each<[string, Record<string, ContainerRecord>, string[]]>([
    ["the first init container of a new pod", {}, ["start sidecar"]],
    ["nothing while it is being made", { sidecar: starting }, []],
    ["nothing before a sidecar's startup probe has passed", { sidecar: running({ started: false }) }, []],
    ["the next one after that", { sidecar: running() }, ["start init"]],
    ["nothing while an init container runs", { sidecar: running(), init: running() }, []],
    ["the main container after the last init container", { sidecar: running(), init: exited(0) }, ["start main"]],
    ["nothing when all of it runs", { sidecar: running(), init: exited(0), main: running() }, []],
    [
      "a sidecar that has ended, also when main containers run",
      { sidecar: exited(1), init: exited(0), main: running() },
      ["start sidecar"],
    ],
  ])("%s", (_, records, expected) => {
    expect(words(nextStep(aPod(), observe(records)))).toEqual(expected);
  });

  test.each<[Observation["volumes"], string[], number | undefined]>([
    [{ type: "pending" }, ["prepareVolumes"], undefined],
    [{ type: "preparing" }, [], undefined],
    [{ type: "failed", message: "", retryAt: now + 5 }, [], now + 5],
    [{ type: "failed", message: "", retryAt: now }, ["prepareVolumes"], undefined],
    [{ type: "ready" }, ["start sidecar"], undefined],
  ])("nothing before the volumes are there: %o", (volumes, expected, wakeAt) => {
    const step = nextStep(aPod(), observe({}, { volumes }));
    expect(words(step)).toEqual(expected);
    expect(step.wakeAt).toBe(wakeAt);
  });

  test("a container that was blocked, when its time has come", () => {
    const blocked = (retryAt: number): ContainerRecord => ({
      ...newRecord(),
      state: { type: "blocked", reason: "ErrImagePull", message: "", tries: 1, retryAt },
    });
    expect(nextStep(aPod(), observe({ sidecar: blocked(now + 7) }))).toMatchObject({ actions: [], wakeAt: now + 7 });
    expect(words(nextStep(aPod(), observe({ sidecar: blocked(now) })))).toEqual(["start sidecar"]);
  });
});

describe("what is started again", () => {
  const only = (restartPolicy: NonNullable<PodSpec["restartPolicy"]>): Pod =>
    aPod({ restartPolicy, initContainers: [] });

  test.each([
    ["Always", 0, true],
    ["Always", 1, true],
    ["OnFailure", 0, false],
    ["OnFailure", 1, true],
    ["Never", 0, false],
    ["Never", 1, false],
  ] as const)("with %s, after exit code %i: %s", (policy, exitCode, again) => {
    const step = nextStep(only(policy), observe({ main: exited(exitCode) }));
    expect(words(step)).toEqual(again ? ["start main"] : []);
    expect(step.finished).toBe(!again);
  });

  test("after its first end at once", () => {
    expect(words(nextStep(only("Always"), observe({ main: exited(1, { crashes: 1 }) })))).toEqual(["start main"]);
  });

  test.each([
    [2, 10],
    [3, 20],
    [4, 40],
    [7, 300],
    [50, 300],
  ])("after %i ends in a row %i seconds later", (crashes, seconds) => {
    const step = nextStep(only("Always"), observe({ main: exited(1, { crashes }) }));
    expect(step).toMatchObject({ actions: [], wakeAt: now + seconds * second });
    const due = observe({ main: exited(1, { crashes }) }, { now: now + seconds * second });
    expect(words(nextStep(only("Always"), due))).toEqual(["start main"]);
  });

  test("an init container that failed, unless the policy is Never", () => {
    const records = { sidecar: running(), init: exited(2) };
    expect(words(nextStep(aPod({ restartPolicy: "OnFailure" }), observe(records)))).toEqual(["start init"]);
    expect(nextStep(aPod(), observe(records)).ending?.cause).toBe("initFailed");
  });
});

describe("how a pod ends", () => {
  const grace = { terminationGracePeriodSeconds: 90 };

  test.each<[string, Pod, Record<string, ContainerRecord>, Partial<Observation>, Ending["cause"] | undefined]>([
    ["completed when its main containers have", aPod(), { main: exited(0) }, {}, "completed"],
    ["completed also when they failed", aPod(), { main: exited(1) }, {}, "completed"],
    [
      "not while one of them runs",
      aPod({ containers: [main, { name: "other" }] }),
      { main: exited(1), other: running() },
      {},
      undefined,
    ],
    ["by its deadline", aPod({ activeDeadlineSeconds: 100 }), { main: running() }, {}, "deadline"],
    ["not before its deadline", aPod({ activeDeadlineSeconds: 101 }), { main: running() }, {}, undefined],
    ["by deletion", aPod({}, { deletionTimestamp: "now" }), { main: running() }, {}, "deletion"],
    [
      "for the reason that came first",
      aPod({}, { deletionTimestamp: "now" }),
      { main: running() },
      { ending: { cause: "deadline", killAt: now + 5 } },
      "deadline",
    ],
  ])("%s", (_, pod, records, rest, cause) => {
    expect(nextStep(pod, observe({ sidecar: running(), init: exited(0), ...records }, rest)).ending?.cause).toBe(cause);
  });

  test("wakes up for its deadline", () => {
    const step = nextStep(aPod({ activeDeadlineSeconds: 130 }), observe({ sidecar: running(), init: running() }));
    expect(step.wakeAt).toBe(130 * second);
  });

  test("first the main containers are stopped, then the sidecars in reverse order, each once", () => {
    const pod = aPod({ ...grace, activeDeadlineSeconds: 1, initContainers: [sidecar, { ...sidecar, name: "second" }] });
    const killAt = now + 90 * second;
    const both = { sidecar: running(), second: running() };
    const first = nextStep(pod, observe({ ...both, main: running() }));
    expect(words(first)).toEqual([`stop main ${killAt}`]);
    const { ending } = first;
    const later = { ending, now: now + 3 * second };
    expect(words(nextStep(pod, observe({ ...both, main: running({ killAt }) }, later)))).toEqual([]);
    expect(words(nextStep(pod, observe({ ...both, main: exited(143) }, later)))).toEqual([`stop second ${killAt}`]);
    const third = observe({ sidecar: running(), second: exited(0), main: exited(143) }, later);
    expect(words(nextStep(pod, third))).toEqual([`stop sidecar ${killAt}`]);
    const last = nextStep(pod, observe({ sidecar: exited(0), second: exited(0), main: exited(143) }, later));
    expect(last).toMatchObject({ finished: true, actions: [] });
  });

  test("a sidecar has two seconds even when the grace is used up", () => {
    const ending: Ending = { cause: "completed", killAt: now - 1 };
    const step = nextStep(aPod(grace), observe({ sidecar: running(), main: exited(137) }, { ending }));
    expect(words(step)).toEqual([`stop sidecar ${now + 2 * second}`]);
  });

  test("a deletion shortens the grace of a pod that is ending, and never lengthens it", () => {
    const deleted = (seconds: number): Pod =>
      aPod({}, { deletionTimestamp: "now", deletionGracePeriodSeconds: seconds });
    const ending: Ending = { cause: "deadline", killAt: now + 20 * second };
    const records = { sidecar: running(), main: running({ killAt: ending.killAt }) };
    expect(words(nextStep(deleted(5), observe(records, { ending })))).toEqual([`stop main ${now + 5 * second}`]);
    expect(words(nextStep(deleted(60), observe(records, { ending })))).toEqual([]);
  });

  test("nothing is started any more", () => {
    const ending: Ending = { cause: "deletion", killAt: now };
    const step = nextStep(aPod({ restartPolicy: "Always" }), observe({ main: exited(1) }, { ending }));
    expect(step).toMatchObject({ actions: [], finished: true });
  });

  test("a container that is being made is waited for", () => {
    const step = nextStep(aPod({}, { deletionTimestamp: "now" }), observe({ sidecar: starting }));
    expect(step).toMatchObject({ actions: [], finished: false });
  });
});

test("a container that its liveness probe condemns is stopped once, with the probe's grace", () => {
  const pod = aPod({ initContainers: [] });
  const condemned = { graceSeconds: 4 };
  expect(words(nextStep(pod, observe({ main: running({ condemned }) })))).toEqual([`stop main ${now + 4 * second}`]);
  expect(words(nextStep(pod, observe({ main: running({ condemned, killAt: 1 }) })))).toEqual([]);
});

describe("the phase", () => {
  const done = (cause: Ending["cause"]): Pick<Step, "ending" | "finished"> => ({
    ending: { cause, killAt: now },
    finished: true,
  });
  const live = { finished: false };
  test.each<[string, Record<string, ContainerRecord>, Pick<Step, "ending" | "finished">, string]>([
    ["a new pod", {}, live, "Pending"],
    ["while init containers run", { sidecar: running(), init: running() }, live, "Pending"],
    [
      "while the main container is being made",
      { sidecar: running(), init: exited(0), main: starting },
      live,
      "Pending",
    ],
    ["with everything up", { sidecar: running(), init: exited(0), main: running() }, live, "Running"],
    ["while a sidecar still ends", { sidecar: running(), init: exited(0), main: exited(0) }, live, "Running"],
    ["a failed init container with a sidecar still up", { sidecar: running(), init: exited(1) }, live, "Pending"],
    ["completed with 0", { sidecar: exited(1), init: exited(0), main: exited(0) }, done("completed"), "Succeeded"],
    [
      "completed with another code",
      { sidecar: exited(0), init: exited(0), main: exited(1) },
      done("completed"),
      "Failed",
    ],
    ["a failed init container", { sidecar: exited(0), init: exited(1) }, done("initFailed"), "Failed"],
    ["the deadline, though all exited with 0", { sidecar: exited(0), main: exited(0) }, done("deadline"), "Failed"],
    ["deleted before it began", {}, done("deletion"), "Failed"],
    ["deleted, ending with 0", { sidecar: exited(0), main: exited(0) }, done("deletion"), "Succeeded"],
    ["lost", { main: exited(137) }, done("lost"), "Failed"],
  ])("%s", (_, records, step, phase) => {
    expect(podPhase(aPod(), observe(records).containers, step)).toBe(phase);
  });
});
