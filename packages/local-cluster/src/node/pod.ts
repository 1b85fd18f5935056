import type {
  Container as KnownContainer,
  Pod as KnownPod,
  PodSpec as KnownPodSpec,
  Probe as KnownProbe,
  ObjectMeta,
  ResourceType,
} from "@orchestrator/controller-runtime";
import { resources } from "@orchestrator/controller-runtime";

// Fields of pods that only a node reads, beside those that controller-runtime knows.

export interface Probe extends KnownProbe {
  httpGet?: {
    path?: string;
    port: number | string;
    scheme?: string;
    host?: string;
    httpHeaders?: { name: string; value: string }[];
  };
  terminationGracePeriodSeconds?: number;
}

export interface EnvFromSource {
  prefix?: string;
  configMapRef?: { name: string; optional?: boolean };
  secretRef?: { name: string; optional?: boolean };
}

export interface Container extends KnownContainer {
  envFrom?: EnvFromSource[];
  livenessProbe?: Probe;
  readinessProbe?: Probe;
  startupProbe?: Probe;
}

export interface PodSpec extends KnownPodSpec {
  containers: Container[];
  initContainers?: Container[];
  hostname?: string;
}

export interface Pod extends KnownPod {
  metadata: ObjectMeta & { deletionGracePeriodSeconds?: number };
  spec: PodSpec;
}

export const pods: ResourceType<Pod> = resources.pods;

/** Init containers in order, then the others. */
export function allContainers(pod: Pod): Container[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
}

export function isSidecar(container: Container): boolean {
  return container.restartPolicy === "Always";
}
