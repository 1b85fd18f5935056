import type { KubernetesObject } from "../kubernetes-object.ts";
import type { ResourceType } from "../resource-type.ts";
import type {
  ConfigMap,
  CustomResourceDefinition,
  Deployment,
  Event,
  Job,
  Lease,
  Namespace,
  NetworkPolicy,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Secret,
  ServiceAccount,
  StorageClass,
} from "./objects.ts";

function namespaced<T extends KubernetesObject>(apiVersion: string, plural: string, kind: string): ResourceType<T> {
  return { ...groupVersion(apiVersion), plural, kind, namespaced: true };
}

function clusterScoped<T extends KubernetesObject>(apiVersion: string, plural: string, kind: string): ResourceType<T> {
  return { ...groupVersion(apiVersion), plural, kind, namespaced: false };
}

function groupVersion(apiVersion: string): { group: string; version: string } {
  const [version = "", group = ""] = apiVersion.split("/").reverse();
  return { group, version };
}

/** Kubernetes' own kinds, as far as this system touches them. */
export const resources = {
  configMaps: namespaced<ConfigMap>("v1", "configmaps", "ConfigMap"),
  customResourceDefinitions: clusterScoped<CustomResourceDefinition>(
    "apiextensions.k8s.io/v1",
    "customresourcedefinitions",
    "CustomResourceDefinition",
  ),
  deployments: namespaced<Deployment>("apps/v1", "deployments", "Deployment"),
  events: namespaced<Event>("events.k8s.io/v1", "events", "Event"),
  jobs: namespaced<Job>("batch/v1", "jobs", "Job"),
  leases: namespaced<Lease>("coordination.k8s.io/v1", "leases", "Lease"),
  namespaces: clusterScoped<Namespace>("v1", "namespaces", "Namespace"),
  networkPolicies: namespaced<NetworkPolicy>("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy"),
  nodes: clusterScoped<Node>("v1", "nodes", "Node"),
  persistentVolumeClaims: namespaced<PersistentVolumeClaim>("v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
  persistentVolumes: clusterScoped<PersistentVolume>("v1", "persistentvolumes", "PersistentVolume"),
  pods: namespaced<Pod>("v1", "pods", "Pod"),
  secrets: namespaced<Secret>("v1", "secrets", "Secret"),
  serviceAccounts: namespaced<ServiceAccount>("v1", "serviceaccounts", "ServiceAccount"),
  storageClasses: clusterScoped<StorageClass>("storage.k8s.io/v1", "storageclasses", "StorageClass"),
} as const;
