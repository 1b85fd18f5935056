import { apiVersion, resources, type ConfigMap, type Job, type OwnerReference } from "@orchestrator/controller-runtime";
import type { PodSettings } from "../api/pod.ts";
import { annotations, labels, managedBy } from "../run/labels.ts";
import { contentHash } from "../run/names.ts";
import type { AttemptId } from "../run/observation.ts";
import { inputFiles } from "./layout.ts";
import { buildPod } from "./pod-spec.ts";
import type { PodTemplate } from "./pod-template.ts";

/** What one attempt is made of. */
export interface AttemptResources {
  configMap: ConfigMap;
  job: Job;
}

export interface AttemptResourcesOptions {
  run: { apiVersion: string; kind: string; namespace: string; name: string; uid: string };
  /** `name` is that of the ConfigMap and the Job. */
  attempt: AttemptId;
  /** Labels that only this kind of run has. */
  labels?: Record<string, string>;
  /** The ConfigMap's data: the attempt's inputs by file name. */
  files: Record<string, string>;
  image: string;
  modelSecretName: string;
  repositorySecretName?: string | undefined;
  workspaceClaim?: string | undefined;
  activeDeadlineSeconds: number;
  terminationGracePeriodSeconds: number;
  template?: PodTemplate | undefined;
  wishes?: PodSettings | undefined;
}

/** The immutable ConfigMap and the Job of one attempt, both owned by the run. */
export function buildAttemptResources(options: AttemptResourcesOptions): AttemptResources {
  const { run, attempt, files } = options;
  const { name } = attempt;
  const objectLabels = {
    ...options.labels,
    [labels.managedBy]: managedBy,
    [labels.kind]: run.kind,
    [labels.runUid]: run.uid,
    [labels.round]: String(attempt.round),
    [labels.attempt]: String(attempt.number),
  };
  const named = { [annotations.runName]: run.name };
  const metadata = { name, namespace: run.namespace, labels: objectLabels, ownerReferences: [ownerOf(run)] };
  return {
    configMap: {
      apiVersion: apiVersion(resources.configMaps),
      kind: resources.configMaps.kind,
      metadata: { ...metadata, annotations: named },
      immutable: true,
      data: files,
    },
    job: {
      apiVersion: apiVersion(resources.jobs),
      kind: resources.jobs.kind,
      metadata: { ...metadata, annotations: { ...named, ...hashes(files) } },
      spec: {
        backoffLimit: 0,
        podReplacementPolicy: "Failed",
        template: buildPod({ ...options, labels: objectLabels, annotations: named, inputsName: name }),
      },
    },
  };
}

/** `blockOwnerDeletion` stays unset: it would need the right to set finalizers on runs. */
function ownerOf(run: AttemptResourcesOptions["run"]): OwnerReference {
  return { apiVersion: run.apiVersion, kind: run.kind, name: run.name, uid: run.uid, controller: true };
}

/** On the Job, so that the status can tell them however often the operator restarts. */
function hashes(files: Record<string, string>): Record<string, string> {
  return {
    [annotations.settingsHash]: contentHash(files[inputFiles.settings] ?? ""),
    [annotations.promptHash]: contentHash(files[inputFiles.prompt] ?? ""),
  };
}
