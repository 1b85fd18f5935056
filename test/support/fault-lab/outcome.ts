import type { RunStatus } from "@orchestrator/core";

/** What a run has come to, such that it equals that of every other run of the scenario that went as well. */
export interface Outcome {
  status: unknown;
  /** Promises that were broken on the way, and what was left behind. */
  broken: string[];
}

const dropped: ReadonlySet<string> = new Set([
  "startTime",
  "completionTime",
  "startedAt",
  "finishedAt",
  "lastTransitionTime",
  "settingsHash",
  "promptHash",
]);

/** Told only where the operator has seen the agent at work, which it may have missed. */
const costUnknown = "; what the attempt has cost since it last handed in its work is not known, and not counted";

/** In which of two ways that is told hangs on whether the operator has still seen the pod. */
const podDeleted = /(The pod of Job \S+|Pod \S+) was deleted before (its end was seen|its work was done)/g;

/** A status without times, without the names that follow from the run's UID, and without what only a witness can tell. */
export function comparable(status: RunStatus | undefined): unknown {
  if (status === undefined) return "gone";
  const text = JSON.stringify(status, (name, value: unknown) => {
    if (dropped.has(name)) return undefined;
    return typeof value === "string" ? withoutNames(value) : value;
  });
  return JSON.parse(text) as unknown;
}

function withoutNames(text: string): string {
  return text
    .replaceAll(costUnknown, "")
    .replaceAll(podDeleted, "The pod was deleted")
    .replaceAll(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, "(uid)")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "(time)")
    .replaceAll(/-run-\d+-[0-9a-f]{10}(-[a-z0-9]{5})?/g, "-(name)");
}
