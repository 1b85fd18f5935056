import type { KubernetesObject } from "../kubernetes-object.ts";

// The fields of Kubernetes' own kinds that are read or written here; names and meanings are Kubernetes'.

export interface Condition {
  type: string;
  status: "True" | "False" | "Unknown";
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  observedGeneration?: number;
}

export interface ContainerStateTerminated {
  exitCode: number;
  signal?: number;
  reason?: string;
  message?: string;
  startedAt?: string;
  finishedAt?: string;
}

export interface ContainerState {
  waiting?: { reason?: string; message?: string };
  running?: { startedAt?: string };
  terminated?: ContainerStateTerminated;
}

export interface ContainerStatus {
  name: string;
  ready: boolean;
  started?: boolean;
  restartCount: number;
  image: string;
  imageID: string;
  containerID?: string;
  state?: ContainerState;
  lastState?: ContainerState;
}

export type ResourceQuantities = Record<string, string>;

export interface EnvVar {
  name: string;
  value?: string;
  valueFrom?: {
    fieldRef?: { apiVersion?: string; fieldPath: string };
    resourceFieldRef?: { containerName?: string; resource: string };
    configMapKeyRef?: { name: string; key: string; optional?: boolean };
    secretKeyRef?: { name: string; key: string; optional?: boolean };
  };
}

export interface Probe {
  exec?: { command: string[] };
  httpGet?: { path?: string; port: number | string; scheme?: string; host?: string };
  tcpSocket?: { port: number | string; host?: string };
  initialDelaySeconds?: number;
  periodSeconds?: number;
  timeoutSeconds?: number;
  failureThreshold?: number;
  successThreshold?: number;
}

export interface SecurityContext {
  runAsUser?: number;
  runAsGroup?: number;
  runAsNonRoot?: boolean;
  readOnlyRootFilesystem?: boolean;
  allowPrivilegeEscalation?: boolean;
  privileged?: boolean;
  capabilities?: { add?: string[]; drop?: string[] };
  seccompProfile?: { type: string; localhostProfile?: string };
}

export interface VolumeMount {
  name: string;
  mountPath: string;
  subPath?: string;
  readOnly?: boolean;
}

export interface Container {
  name: string;
  image?: string;
  imagePullPolicy?: string;
  command?: string[];
  args?: string[];
  workingDir?: string;
  env?: EnvVar[];
  ports?: { name?: string; containerPort: number; protocol?: string }[];
  resources?: { limits?: ResourceQuantities; requests?: ResourceQuantities };
  volumeMounts?: VolumeMount[];
  restartPolicy?: "Always";
  livenessProbe?: Probe;
  readinessProbe?: Probe;
  startupProbe?: Probe;
  securityContext?: SecurityContext;
  terminationMessagePath?: string;
  terminationMessagePolicy?: "File" | "FallbackToLogsOnError";
}

export interface KeyToPath {
  key: string;
  path: string;
  mode?: number;
}

export interface VolumeProjection {
  configMap?: { name?: string; items?: KeyToPath[]; optional?: boolean };
  secret?: { name?: string; items?: KeyToPath[]; optional?: boolean };
  downwardAPI?: { items?: { path: string; fieldRef?: { fieldPath: string }; mode?: number }[] };
  serviceAccountToken?: { audience?: string; expirationSeconds?: number; path: string };
}

export interface Volume {
  name: string;
  configMap?: { name: string; items?: KeyToPath[]; defaultMode?: number; optional?: boolean };
  secret?: { secretName: string; items?: KeyToPath[]; defaultMode?: number; optional?: boolean };
  emptyDir?: { medium?: string; sizeLimit?: string };
  downwardAPI?: { items?: { path: string; fieldRef?: { fieldPath: string }; mode?: number }[]; defaultMode?: number };
  projected?: { sources?: VolumeProjection[]; defaultMode?: number };
  persistentVolumeClaim?: { claimName: string; readOnly?: boolean };
  hostPath?: { path: string; type?: string };
}

export interface PodSpec {
  containers: Container[];
  initContainers?: Container[];
  volumes?: Volume[];
  restartPolicy?: "Always" | "OnFailure" | "Never";
  activeDeadlineSeconds?: number;
  terminationGracePeriodSeconds?: number;
  nodeName?: string;
  nodeSelector?: Record<string, string>;
  tolerations?: {
    key?: string;
    operator?: "Exists" | "Equal" | "Lt" | "Gt";
    value?: string;
    effect?: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
    tolerationSeconds?: number;
  }[];
  priorityClassName?: string;
  runtimeClassName?: string;
  serviceAccountName?: string;
  automountServiceAccountToken?: boolean;
  enableServiceLinks?: boolean;
  shareProcessNamespace?: boolean;
  imagePullSecrets?: { name: string }[];
  securityContext?: SecurityContext & {
    fsGroup?: number;
    fsGroupChangePolicy?: "Always" | "OnRootMismatch";
    supplementalGroups?: number[];
  };
}

export interface PodStatus {
  phase?: "Pending" | "Running" | "Succeeded" | "Failed" | "Unknown";
  reason?: string;
  message?: string;
  conditions?: Condition[];
  startTime?: string;
  podIP?: string;
  podIPs?: { ip: string }[];
  hostIP?: string;
  qosClass?: string;
  initContainerStatuses?: ContainerStatus[];
  containerStatuses?: ContainerStatus[];
}

export interface Pod extends KubernetesObject {
  spec: PodSpec;
  status?: PodStatus;
}

export interface PodTemplateSpec {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec: PodSpec;
}

export interface Job extends KubernetesObject {
  spec: {
    template: PodTemplateSpec;
    backoffLimit?: number;
    completions?: number;
    parallelism?: number;
    podReplacementPolicy?: "Failed" | "TerminatingOrFailed";
    activeDeadlineSeconds?: number;
    ttlSecondsAfterFinished?: number;
    suspend?: boolean;
    managedBy?: string;
  };
  status?: {
    conditions?: Condition[];
    active?: number;
    ready?: number;
    succeeded?: number;
    failed?: number;
    terminating?: number;
    startTime?: string;
    completionTime?: string;
  };
}

export interface ConfigMap extends KubernetesObject {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
  immutable?: boolean;
}

export interface Secret extends KubernetesObject {
  type?: string;
  /** Base64. */
  data?: Record<string, string>;
  stringData?: Record<string, string>;
  immutable?: boolean;
}

/** Times are MicroTime: RFC 3339 in UTC with exactly six digits of the second. */
export interface Lease extends KubernetesObject {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

export interface Node extends KubernetesObject {
  spec?: {
    podCIDR?: string;
    unschedulable?: boolean;
    taints?: { key: string; value?: string; effect: string; timeAdded?: string }[];
  };
  status?: {
    capacity?: ResourceQuantities;
    allocatable?: ResourceQuantities;
    conditions?: (Condition & { lastHeartbeatTime?: string })[];
    addresses?: { type: string; address: string }[];
    daemonEndpoints?: { kubeletEndpoint: { Port: number } };
    nodeInfo?: Record<string, string>;
  };
}

export interface Namespace extends KubernetesObject {
  status?: { phase?: "Active" | "Terminating" };
}

export interface ServiceAccount extends KubernetesObject {
  imagePullSecrets?: { name: string }[];
  automountServiceAccountToken?: boolean;
}

/** An event of `events.k8s.io/v1`. */
export interface Event extends KubernetesObject {
  /** MicroTime. */
  eventTime: string;
  reportingController: string;
  reportingInstance: string;
  type: "Normal" | "Warning";
  reason: string;
  action: string;
  note?: string;
  regarding: ObjectReference;
}

export interface ObjectReference {
  apiVersion: string;
  kind: string;
  /** Absent for cluster-scoped kinds. */
  namespace?: string;
  name: string;
  uid: string;
}

export interface PersistentVolumeClaim extends KubernetesObject {
  spec: {
    accessModes?: string[];
    storageClassName?: string;
    volumeName?: string;
    volumeMode?: string;
    resources?: { requests?: ResourceQuantities; limits?: ResourceQuantities };
  };
  status?: { phase?: "Pending" | "Bound" | "Lost"; accessModes?: string[]; capacity?: ResourceQuantities };
}

export interface PersistentVolume extends KubernetesObject {
  spec: {
    capacity?: ResourceQuantities;
    accessModes?: string[];
    storageClassName?: string;
    persistentVolumeReclaimPolicy?: "Retain" | "Delete" | "Recycle";
    volumeMode?: string;
    hostPath?: { path: string; type?: string };
    local?: { path: string };
    claimRef?: { apiVersion?: string; kind?: string; namespace?: string; name?: string; uid?: string };
    nodeAffinity?: unknown;
  };
  status?: { phase?: "Pending" | "Available" | "Bound" | "Released" | "Failed" };
}

/** A peer is a block of addresses, or all pods of the namespaces selected. */
export type NetworkPolicyPeer =
  | { ipBlock: { cidr: string; except?: string[] } }
  | { namespaceSelector: { matchLabels?: Record<string, string> } };

export interface NetworkPolicyEgressRule {
  to: NetworkPolicyPeer[];
  ports: { protocol: "TCP" | "UDP"; port: number }[];
}

export interface NetworkPolicy extends KubernetesObject {
  spec: {
    podSelector: { matchLabels?: Record<string, string> };
    policyTypes: ("Ingress" | "Egress")[];
    ingress?: unknown[];
    egress?: NetworkPolicyEgressRule[];
  };
}

export interface StorageClass extends KubernetesObject {
  provisioner: string;
  reclaimPolicy?: "Retain" | "Delete";
  volumeBindingMode?: "Immediate" | "WaitForFirstConsumer";
}

export interface Deployment extends KubernetesObject {
  spec: {
    replicas?: number;
    selector: { matchLabels?: Record<string, string> };
    template: PodTemplateSpec;
    strategy?: unknown;
  };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    readyReplicas?: number;
    availableReplicas?: number;
    conditions?: Condition[];
  };
}

export interface CustomResourceDefinition extends KubernetesObject {
  spec: {
    group: string;
    names: { plural: string; kind: string; singular?: string; shortNames?: string[] };
    scope: "Namespaced" | "Cluster";
    versions: { name: string; served: boolean; storage: boolean; schema?: unknown }[];
  };
  status?: { conditions?: Condition[] };
}
