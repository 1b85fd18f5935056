import type { ContainerStatus } from "@orchestrator/controller-runtime";
import { allContainers, type Container, isSidecar, type Pod } from "../pod.ts";
import { type ContainerRecord, type Exit, newRecord } from "./container-record.ts";
import { lostExit } from "./container-status.ts";
import type { Ending } from "./pod-lifecycle.ts";

export interface Restored {
  containers: Map<string, ContainerRecord>;
  ending?: Ending;
}

/**
 * What a node knows of a pod that it sees for the first time. A pod that an earlier process of the node had begun has
 * lost its processes with it: it is over when its containers are never restarted, else it begins again. Pure.
 */
export function restorePod(pod: Pod, now: number): Restored {
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const containers = allContainers(pod);
  const seen = new Map(
    containers.map(({ name }) => [
      name,
      recordOf(
        statuses.find((one) => one.name === name),
        now,
      ),
    ]),
  );
  const began = [...seen.values()].some(({ runs }) => runs > 0);
  if (!began) return { containers: seen };
  if (pod.spec.restartPolicy === "Never") return { containers: seen, ending: { cause: "lost", killAt: now } };
  return { containers: new Map(containers.map((one) => [one.name, again(one, pod, seen)])) };
}

function recordOf(status: ContainerStatus | undefined, now: number): ContainerRecord {
  const last = exitOf(status?.lastState?.terminated);
  const newest = lostRun(status, now) ?? exitOf(status?.state?.terminated);
  const exit = newest ?? last;
  if (status === undefined || exit === undefined) return newRecord();
  const record: ContainerRecord = {
    state: { type: "exited", exit },
    runs: 1,
    earlierRuns: status.restartCount,
    crashes: 0,
  };
  return newest === undefined || last === undefined ? record : { ...record, last };
}

/** What becomes of a run that was going on when the node ended. */
function lostRun(status: ContainerStatus | undefined, now: number): Exit | undefined {
  const running = status?.state?.running;
  return running && { ...lostExit, startedAt: parseTime(running.startedAt) ?? now, finishedAt: now };
}

/** A container of a pod that begins again: one that had succeeded for good stays so, all init containers run anew. */
function again(container: Container, pod: Pod, seen: ReadonlyMap<string, ContainerRecord>): ContainerRecord {
  const record = seen.get(container.name) ?? newRecord();
  if (record.state.type !== "exited") return record;
  const isInit = pod.spec.initContainers?.includes(container) === true && !isSidecar(container);
  const stays = pod.spec.restartPolicy === "OnFailure" && record.state.exit.exitCode === 0 && !isInit;
  if (stays) return record;
  const earlierRuns = record.earlierRuns + record.runs;
  return { state: { type: "new" }, runs: 0, earlierRuns, crashes: 0, last: record.state.exit };
}

function exitOf(terminated: NonNullable<ContainerStatus["state"]>["terminated"]): Exit | undefined {
  if (terminated === undefined) return undefined;
  const { exitCode, reason = "Error", message, startedAt, finishedAt } = terminated;
  return {
    exitCode,
    reason,
    ...(message === undefined ? {} : { message }),
    startedAt: parseTime(startedAt) ?? 0,
    finishedAt: parseTime(finishedAt) ?? 0,
  };
}

function parseTime(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}
