import {
  isTerminal,
  type JobView,
  liveAmong,
  planOf,
  type PodView,
  type RunDefaults,
  type RunObject,
  type RunStatus,
} from "@orchestrator/core";
import type { RunRecord } from "./sighting.ts";

/**
 * What of the promises of a run's life was broken in what was seen of it: one Job per attempt, no two open Jobs, retries within
 * their limits, a status that never goes back. Empty where all were kept.
 */
export function judge({ sightings }: Pick<RunRecord, "sightings">, defaults: RunDefaults): string[] {
  const broken = new Set<string>();
  const jobs = new Map<string, JobView>();
  const pods = new Map<string, PodView>();
  const made = new Map<string, string>();
  let before: RunObject | undefined;
  for (const sighting of sightings.toSorted((a, b) => a.resourceVersion - b.resourceVersion)) {
    switch (sighting.kind) {
      case "run":
        for (const what of brokenByStatus(before, sighting.run, defaults)) broken.add(what);
        before = sighting.run;
        break;
      case "job":
        if ((made.get(sighting.job.name) ?? sighting.job.uid) !== sighting.job.uid)
          broken.add(`${sighting.job.name} was made twice`);
        made.set(sighting.job.name, sighting.job.uid);
        if (sighting.gone) jobs.delete(sighting.job.uid);
        else jobs.set(sighting.job.uid, sighting.job);
        break;
      case "pod":
        if (sighting.gone) pods.delete(sighting.pod.uid);
        else pods.set(sighting.pod.uid, sighting.pod);
        break;
      case "configMap":
        break;
    }
    const open = liveAmong([...jobs.values()], [...pods.values()]);
    if (open.length > 1) broken.add(`open at once: ${open.map(({ name }) => name).join(", ")}`);
  }
  return [...broken];
}

function brokenByStatus(before: RunObject | undefined, after: RunObject, defaults: RunDefaults): string[] {
  const [old, now] = [statusOf(before), statusOf(after)];
  const { retry } = planOf(after.spec, defaults);
  const { infrastructure, agent } = now.retries ?? { infrastructure: 0, agent: 0 };
  const promises: Record<string, boolean> = {
    "rounds only rise": (old.round ?? 0) <= (now.round ?? 0),
    "retries keep to their limits": infrastructure <= retry.maxInfrastructureRetries && agent <= retry.maxAgentRetries,
    ...((old.round ?? now.round) === now.round && roundPromises(old, now)),
  };
  return Object.entries(promises).flatMap(([promise, kept]) =>
    kept ? [] : [`${promise}: ${old.phase} -> ${now.phase}`],
  );
}

function roundPromises(old: RunStatus, now: RunStatus): Record<string, boolean> {
  return {
    "an end is final": !isTerminal(old) || JSON.stringify(old) === JSON.stringify(now),
    "attempts are only added": newest(old) <= newest(now),
    "an attempt that has ended stays so": endedIn(old) <= endedIn(now),
    "usage never falls": turnsOf(old) <= turnsOf(now),
  };
}

function newest({ attempts = [] }: RunStatus): number {
  return Math.max(0, ...attempts.map(({ number }) => number));
}

function turnsOf({ usage }: RunStatus): number {
  return usage?.turns ?? 0;
}

function endedIn({ attempts = [] }: RunStatus): number {
  return Math.max(0, ...attempts.filter(({ outcome }) => outcome !== "Running").map(({ number }) => number));
}

function statusOf(run: RunObject | undefined): RunStatus {
  return run?.status ?? { phase: "Pending" };
}
