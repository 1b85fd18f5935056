import type { PersistentVolume, PersistentVolumeClaim } from "@orchestrator/controller-runtime";

/** What stands in StorageClasses, claims and volumes for this provisioner. */
export const PROVISIONER = "orchestrator.io/local-directory";

/** Set by kube-controller-manager once the claim's class wants a volume made, which with WaitForFirstConsumer is late. */
const ASKED = "volume.kubernetes.io/storage-provisioner";
const PROVISIONED_BY = "pv.kubernetes.io/provisioned-by";

/** The volume that is to be made for a claim; undefined when none is. */
export function volumeFor(
  claim: PersistentVolumeClaim,
  path: (volume: string) => string,
): PersistentVolume | undefined {
  const { namespace = "", name, uid = "", annotations = {}, deletionTimestamp } = claim.metadata;
  const { volumeName, storageClassName = "", accessModes = [], resources } = claim.spec;
  if (annotations[ASKED] !== PROVISIONER || volumeName !== undefined || deletionTimestamp !== undefined)
    return undefined;
  const volume = `pvc-${uid}`;
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: volume, annotations: { [PROVISIONED_BY]: PROVISIONER } },
    spec: {
      capacity: { storage: resources?.requests?.["storage"] ?? "1Gi" },
      accessModes,
      storageClassName,
      persistentVolumeReclaimPolicy: "Delete",
      volumeMode: "Filesystem",
      hostPath: { path: path(volume), type: "Directory" },
      claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid },
    },
  };
}

/** Whether a volume of ours has lost its claim and is to be removed with its files. */
export function isAbandoned(volume: PersistentVolume): boolean {
  return (
    volume.metadata.annotations?.[PROVISIONED_BY] === PROVISIONER &&
    volume.metadata.deletionTimestamp === undefined &&
    volume.status?.phase === "Released" &&
    volume.spec.persistentVolumeReclaimPolicy === "Delete"
  );
}
