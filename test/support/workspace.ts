import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PersistentVolume, resources } from "@orchestrator/controller-runtime";
import { adminClient } from "./cluster.ts";

/** A volume that one claim can be bound to, and what a run says to get it as its workspace. */
export interface TestVolume extends AsyncDisposable {
  /** Its folder on this machine. */
  directory: string;
  spec: { size: string; storageClassName: string };
}

/** Makes a volume of a class of its own, so that no provisioner of another test has to do with it. It outlives a workbench. */
export async function makeVolume(): Promise<TestVolume> {
  const client = await adminClient();
  const directory = await mkdtemp(join(tmpdir(), "workspace-"));
  const name = directory.replace(/^.*\//, "").toLowerCase();
  const volume: PersistentVolume = {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      storageClassName: name,
      persistentVolumeReclaimPolicy: "Retain",
      hostPath: { path: directory },
    },
  };
  const signal = AbortSignal.timeout(30_000);
  await client.create(resources.persistentVolumes, volume, { signal });
  return {
    directory,
    spec: { size: "1Gi", storageClassName: name },
    async [Symbol.asyncDispose]() {
      await client.delete(resources.persistentVolumes, { name }, { signal: AbortSignal.timeout(30_000) });
      await client.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
