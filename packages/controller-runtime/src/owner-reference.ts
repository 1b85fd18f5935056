import type { ObjectMeta, OwnerReference } from "./kubernetes-object.ts";
import type { ResourceType } from "./resource-type.ts";

/**
 * The owner that controls an object; there is at most one.
 *
 * @param type only where it is of this kind, in whatever version. Default: of any.
 */
export function controllerOf(
  metadata: Pick<ObjectMeta, "ownerReferences">,
  type?: Pick<ResourceType, "group" | "kind">,
): OwnerReference | undefined {
  const owner = metadata.ownerReferences?.find((reference) => reference.controller === true);
  return owner === undefined || type === undefined || isOfType(owner, type) ? owner : undefined;
}

function isOfType({ apiVersion, kind }: OwnerReference, type: Pick<ResourceType, "group" | "kind">): boolean {
  const group = apiVersion.includes("/") ? apiVersion.split("/", 1)[0] : "";
  return kind === type.kind && group === type.group;
}
