import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Job, type ResourceType, resources } from "@orchestrator/controller-runtime";
import type { RunObject } from "@orchestrator/core";
import { newRun } from "../runs.ts";
import { inParallel } from "./in-parallel.ts";
import { endedJob, endedPod } from "./played-statuses.ts";
import { podOf } from "./pod-of.ts";
import type { Stage } from "./stage.ts";

const atOnce = 16;

/** Makes runs that have ended, each with the Job and the Pod that it left. Their ConfigMaps, which nobody watches, are left out. */
export async function makeEndedRuns(
  stage: Stage,
  type: ResourceType<RunObject>,
  names: readonly string[],
): Promise<void> {
  const job = await readFile(join(stage.templates.folder, "job.json"), "utf8");
  await inParallel(atOnce, names, (name) => makeEndedRun(stage, type, { name, job }));
}

async function makeEndedRun(
  { client, namespace, signal, templates }: Stage,
  type: ResourceType<RunObject>,
  { name, job: template }: { name: string; job: string },
): Promise<void> {
  const patchStatus = (of: ResourceType, target: string, status: object): Promise<unknown> =>
    client.patch(of, { namespace, name: target }, { status }, { type: "merge", subresource: "status", signal });
  const { metadata } = await client.create(type, newRun(type, { namespace, name }), { signal });
  await patchStatus(type, name, templates.endedStatus);
  const uid = metadata.uid ?? "";
  const attempt = `docs-${name}-${uid.slice(-10)}`;
  const filled = template.replaceAll("__NAME__", attempt).replaceAll("__RUN__", name).replaceAll("__UID__", uid);
  const job = await client.create(resources.jobs, JSON.parse(filled) as Job, { signal });
  await client.create(resources.pods, podOf(job), { signal });
  await patchStatus(resources.pods, attempt, endedPod());
  await patchStatus(resources.jobs, attempt, endedJob());
}
