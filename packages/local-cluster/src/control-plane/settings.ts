export type ComponentName = "etcd" | "kube-apiserver" | "kube-controller-manager" | "kube-scheduler";

/** What may be different from one local control plane to another. */
export interface ControlPlaneSettings {
  /** Which components there are. Default: all. */
  components?: readonly ComponentName[];
  /** Further arguments of components. */
  furtherArgs?: Partial<Record<ComponentName, string[]>>;
  /** How long a node may be silent before its pods are lost, in seconds. Default 50, as in Kubernetes. */
  nodeSilenceSeconds?: number;
  /** How long pods of a lost node are kept before they are deleted, in seconds. Default 300, as in Kubernetes. */
  evictionSeconds?: number;
  /** YAML of the audit policy. Default: Metadata of every request that the control plane has not made itself. */
  auditPolicy?: string;
}

// Stages other than ResponseComplete would count each request twice.
export const defaultAuditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
  - level: None
    users: [system:apiserver, kube-apiserver, system:kube-scheduler, system:kube-controller-manager]
  - level: None
    userGroups: [system:serviceaccounts:kube-system]
  - level: Metadata
`;
