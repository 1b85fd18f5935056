import type { ObjectMeta, OwnerReference } from "./kubernetes-object.ts";

/** The owner that controls an object; there is at most one. */
export function controllerOf({ ownerReferences }: Pick<ObjectMeta, "ownerReferences">): OwnerReference | undefined {
  return ownerReferences?.find(({ controller }) => controller === true);
}
