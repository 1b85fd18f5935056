import type { KubernetesObject, ResourceType } from "@orchestrator/controller-runtime";

interface PriorityClass extends KubernetesObject {
  value: number;
}

export const priorityClasses: ResourceType<PriorityClass> = {
  group: "scheduling.k8s.io",
  version: "v1",
  plural: "priorityclasses",
  kind: "PriorityClass",
  namespaced: false,
};

interface ResourceQuota extends KubernetesObject {
  spec: object;
  status?: { hard?: Record<string, string> };
}

export const resourceQuotas: ResourceType<ResourceQuota> = {
  group: "",
  version: "v1",
  plural: "resourcequotas",
  kind: "ResourceQuota",
  namespaced: true,
};
