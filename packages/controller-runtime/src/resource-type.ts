import type { KubernetesObject } from "./kubernetes-object.ts";

/** Where the objects of one kind live in the API, and what they look like (`T`). */
export interface ResourceType<T extends KubernetesObject = KubernetesObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Carries `T` through inference; never set. */
  readonly object?: T;
}

/** `group/version`, or `version` alone for the core group. */
export function apiVersion(type: ResourceType): string {
  return type.group === "" ? type.version : `${type.group}/${type.version}`;
}
