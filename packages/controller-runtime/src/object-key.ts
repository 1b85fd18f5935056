import type { KubernetesObject, ObjectKey } from "./kubernetes-object.ts";

/** `namespace/name`, or `name` alone for cluster-scoped kinds. */
export function keyText(key: ObjectKey): string {
  return key.namespace === undefined ? key.name : `${key.namespace}/${key.name}`;
}

export function keyOf(object: KubernetesObject): ObjectKey {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? { name } : { namespace, name };
}
