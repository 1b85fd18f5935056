export type { KubernetesObject, ObjectKey, ObjectMeta, OwnerReference } from "./kubernetes-object.ts";
export { apiVersion, type ResourceType } from "./resource-type.ts";
