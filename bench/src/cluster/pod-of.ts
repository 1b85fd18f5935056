import type { Job, Pod } from "@orchestrator/controller-runtime";

/** A Pod as the Job controller would make it. */
export function podOf(job: Job): Omit<Pod, "status"> {
  const { namespace, name, uid = "" } = job.metadata;
  const { metadata, spec } = job.spec.template;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...metadata,
      name,
      ...(namespace !== undefined && { namespace }),
      ownerReferences: [{ apiVersion: "batch/v1", kind: "Job", name, uid, controller: true, blockOwnerDeletion: true }],
    },
    spec,
  };
}
