import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  Controller,
  createMetrics,
  Informer,
  type KubernetesClient,
  type Logger,
  Manager,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Reconcile,
  resources,
  type StorageClass,
} from "@orchestrator/controller-runtime";
import { createUnlessThere } from "../create-unless-there.ts";
import { isAbandoned, PROVISIONER, volumeFor } from "./decide.ts";

/** The cluster's default class: a volume is made when the first pod that wants it has been scheduled. */
const storageClass: StorageClass = {
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  metadata: { name: "local", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
  provisioner: PROVISIONER,
  reclaimPolicy: "Delete",
  volumeBindingMode: "WaitForFirstConsumer",
};

export interface ProvisionerOptions {
  client: KubernetesClient;
  /** Absolute path; each volume is a folder in it. */
  directory: string;
  logger: Logger;
  /** `/readyz` on loopback. Default: any free port. */
  healthPort?: number;
  signal: AbortSignal;
}

/** Makes volumes for claims, and removes those whose claims are gone, until the signal aborts. */
export async function runProvisioner(options: ProvisionerOptions): Promise<void> {
  const { client, directory, logger, healthPort = 0, signal } = options;
  await mkdir(directory, { recursive: true });
  await createUnlessThere(() => client.create(resources.storageClasses, storageClass, { signal }));
  const metrics = createMetrics();
  const common = { client, logger, metrics };
  const claims = new Informer({ ...common, type: resources.persistentVolumeClaims, project: (claim) => claim });
  const volumes = new Informer({ ...common, type: resources.persistentVolumes, project: (volume) => volume });
  const provision = new Controller({ ...common, name: "provision", reconcile: provisioning(claims, options) });
  const reclaim = new Controller({ ...common, name: "reclaim", reconcile: reclaiming(volumes, options) });
  provision.watch(claims, ({ key }) => [key]);
  reclaim.watch(volumes, ({ key }) => [key]);
  const manager = new Manager({ ...common, leaderElection: "disabled", metricsPort: 0, healthPort });
  manager.add(claims);
  manager.add(volumes);
  manager.add(provision);
  manager.add(reclaim);
  await manager.run(signal);
}

function provisioning(
  claims: Informer<PersistentVolumeClaim, PersistentVolumeClaim>,
  { client, directory, logger }: ProvisionerOptions,
): Reconcile {
  return async (key, signal) => {
    const claim = claims.store.get(key);
    const volume = claim && volumeFor(claim, (name) => join(directory, name));
    if (volume !== undefined) {
      await mkdir(join(directory, volume.metadata.name), { recursive: true });
      await createUnlessThere(() => client.create(resources.persistentVolumes, volume, { signal }));
      logger.info({ namespace: key.namespace, claim: key.name, volume: volume.metadata.name }, "made a volume");
    }
    return { type: "awaitChange" };
  };
}

function reclaiming(
  volumes: Informer<PersistentVolume, PersistentVolume>,
  { client, directory, logger }: ProvisionerOptions,
): Reconcile {
  return async (key, signal) => {
    const volume = volumes.store.get(key);
    if (volume !== undefined && isAbandoned(volume)) {
      await rm(join(directory, key.name), { recursive: true, force: true });
      await client.delete(resources.persistentVolumes, key, { signal });
      logger.info({ volume: key.name }, "removed a volume");
    }
    return { type: "awaitChange" };
  };
}
