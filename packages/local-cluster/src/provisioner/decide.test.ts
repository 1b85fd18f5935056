import type { PersistentVolume, PersistentVolumeClaim } from "@orchestrator/controller-runtime";
import { expect, test } from "vitest";
import { isAbandoned, PROVISIONER, volumeFor } from "./decide.ts";

const asked = { "volume.kubernetes.io/storage-provisioner": PROVISIONER };

function claim(changes: { annotations?: Record<string, string>; volumeName?: string; deleted?: boolean } = {}) {
  const { annotations = asked, volumeName, deleted = false } = changes;
  const object: PersistentVolumeClaim = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name: "data",
      namespace: "team",
      uid: "u-1",
      annotations,
      ...(deleted && { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    },
    spec: {
      accessModes: ["ReadWriteOncePod"],
      storageClassName: "local",
      resources: { requests: { storage: "3Gi" } },
      ...(volumeName !== undefined && { volumeName }),
    },
  };
  return object;
}

test("a claim that asks for it gets a volume bound to it alone", () => {
  expect(volumeFor(claim(), (name) => `/volumes/${name}`)).toMatchObject({
    metadata: { name: "pvc-u-1" },
    spec: {
      capacity: { storage: "3Gi" },
      accessModes: ["ReadWriteOncePod"],
      storageClassName: "local",
      persistentVolumeReclaimPolicy: "Delete",
      hostPath: { path: "/volumes/pvc-u-1" },
      claimRef: { namespace: "team", name: "data", uid: "u-1" },
    },
  });
});

test.each([
  { what: "that nobody wants to use yet", changes: { annotations: {} } },
  { what: "of another provisioner", changes: { annotations: { "volume.kubernetes.io/storage-provisioner": "other" } } },
  { what: "that has a volume", changes: { volumeName: "pv" } },
  { what: "that is being deleted", changes: { deleted: true } },
])("a claim $what gets none", ({ changes }) => {
  expect(volumeFor(claim(changes), (name) => name)).toBeUndefined();
});

function volume(changes: {
  by?: string;
  phase?: "Bound" | "Released";
  policy?: "Retain" | "Delete";
}): PersistentVolume {
  const { by = PROVISIONER, phase = "Released", policy = "Delete" } = changes;
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: "pv", annotations: { "pv.kubernetes.io/provisioned-by": by } },
    spec: { persistentVolumeReclaimPolicy: policy },
    status: { phase },
  };
}

test("a volume of ours whose claim is gone is removed", () => {
  expect(isAbandoned(volume({}))).toBe(true);
});

test.each([
  { what: "in use", changes: { phase: "Bound" } },
  { what: "to be kept", changes: { policy: "Retain" } },
  { what: "of another provisioner", changes: { by: "other" } },
] as const)("a volume $what is left alone", ({ changes }) => {
  expect(isAbandoned(volume(changes))).toBe(false);
});
