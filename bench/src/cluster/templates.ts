import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ConfigMap, Job } from "@orchestrator/controller-runtime";
import type { RunStatus } from "@orchestrator/core";
import { docsOperator } from "../contender/contender.ts";
import { ContenderProcess } from "../contender/contender-process.ts";
import { createRuns } from "./create-runs.ts";
import { PlayedCluster } from "./played-cluster.ts";
import type { Stage } from "./stage.ts";

/** What the docs operator wrote for one run, for others to write the same. */
export interface Templates {
  /** Holds `configmap.json` and `job.json` as they were posted, with places, and `statuses.json`. */
  folder: string;
  runningStatus: Partial<RunStatus>;
  endedStatus: Partial<RunStatus>;
}

const runName = "sample-run-00000";

/** The bodies of the two creates are logged, and nothing else. */
export const templateAuditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
  - level: Request
    namespaces: [bench-templates]
    verbs: [create]
    resources:
      - group: ""
        resources: [configmaps]
      - group: batch
        resources: [jobs]
  - level: None
`;

/** Lets the docs operator carry one run to its end and takes down what it wrote. */
export async function recordTemplates(stage: Stage): Promise<Templates> {
  const { folder } = stage.templates;
  await mkdir(folder, { recursive: true });
  await using cluster = await PlayedCluster.start(stage, docsOperator.runs);
  await using _operator = await ContenderProcess.start(docsOperator, stage);
  const [run] = await createRuns(stage, docsOperator.runs, [runName]);
  await cluster.settled(1);
  const places: [string, string][] = [
    [await attemptName(stage), "__NAME__"],
    [runName, "__RUN__"],
    [run?.uid ?? "", "__UID__"],
    [stage.namespace, "bench"],
  ];
  const write = async (name: string, object: unknown): Promise<void> => {
    const text = places.reduce((all, [found, place]) => all.replaceAll(found, place), JSON.stringify(object));
    await writeFile(join(folder, name), text);
  };
  await write("configmap.json", await posted(stage, "configmaps"));
  await write("job.json", await posted(stage, "jobs"));
  const { running: runningStatus = {}, ended: endedStatus = {} } = cluster.statuses.get(runName) ?? {};
  await writeFile(join(folder, "statuses.json"), JSON.stringify([runningStatus, endedStatus]));
  return { folder, runningStatus, endedStatus };
}

interface AuditEntry {
  objectRef: { resource: string };
  requestObject: ConfigMap | Job;
}

async function posted(stage: Pick<Stage, "controlPlane">, resource: string): Promise<ConfigMap | Job> {
  const lines = (await readFile(stage.controlPlane.auditLog, "utf8")).trim().split("\n");
  const entry = lines
    .map((line) => JSON.parse(line) as AuditEntry)
    .find(({ objectRef, requestObject }) => objectRef.resource === resource && requestObject.metadata.ownerReferences);
  if (entry === undefined) throw new Error(`the audit log has no ${resource} of the sample run`);
  return entry.requestObject;
}

async function attemptName(stage: Pick<Stage, "controlPlane">): Promise<string> {
  return (await posted(stage, "jobs")).metadata.name;
}
