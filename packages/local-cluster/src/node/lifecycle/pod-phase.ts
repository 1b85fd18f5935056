import { type Container, isSidecar, type Pod } from "../pod.ts";
import { type ContainerRecord, lastExit } from "./container-record.ts";
import { isInitialized, recordOf, type Step } from "./pod-lifecycle.ts";

export type Phase = "Pending" | "Running" | "Succeeded" | "Failed";

type Standing = "waiting" | "running" | "succeeded" | "failed";

/** The pod's phase as the kubelet computes it. A pod is not terminal before all of its processes are gone. */
export function podPhase(
  pod: Pod,
  containers: ReadonlyMap<string, ContainerRecord>,
  step: Pick<Step, "ending" | "finished">,
): Phase {
  const standings = pod.spec.containers.map(({ name }) => standing(recordOf(containers, name)));
  if (step.finished) return finalPhase(standings, step);
  if (!isInitialized(pod, containers) || standings.includes("waiting")) return "Pending";
  const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar);
  return sidecars.some((sidecar) => neverRan(sidecar, containers)) ? "Pending" : "Running";
}

function finalPhase(standings: Standing[], { ending }: Pick<Step, "ending">): Phase {
  switch (ending?.cause) {
    case "completed":
    case "deletion":
      return standings.every((one) => one === "succeeded") ? "Succeeded" : "Failed";
    case "initFailed":
    case "deadline":
    case "lost":
    case undefined:
      return "Failed";
  }
}

function standing(record: ContainerRecord): Standing {
  if (record.state.type === "running") return "running";
  const exit = lastExit(record);
  if (exit === undefined) return "waiting";
  return exit.exitCode === 0 ? "succeeded" : "failed";
}

function neverRan({ name }: Container, containers: ReadonlyMap<string, ContainerRecord>): boolean {
  return recordOf(containers, name).runs === 0;
}
