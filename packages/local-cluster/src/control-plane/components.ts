import { join } from "node:path";
import type { Component } from "../process/component.ts";
import type { Certificates, ClientName } from "./certificates.ts";
import type { ControlPlanePorts } from "./control-plane-ports.ts";
import { httpReady } from "./readiness.ts";
import type { ComponentName, ControlPlaneSettings } from "./settings.ts";
import type { Binaries } from "../binaries/versions.ts";

/** What the components of one control plane share. */
export interface ControlPlanePlan {
  directory: string;
  ports: ControlPlanePorts;
  certificates: Certificates;
  binaries: Binaries;
  settings: ControlPlaneSettings;
}

export type NamedComponent = Component & { name: ComponentName };

// Those that Jobs, Deployments, owner references, ServiceAccounts, claims, quotas, aggregated roles and lost nodes need.
const CONTROLLERS = [
  "clusterrole-aggregation-controller",
  "deployment-controller",
  "disruption-controller",
  "garbage-collector-controller",
  "job-controller",
  "namespace-controller",
  "node-lifecycle-controller",
  "persistentvolume-binder-controller",
  "persistentvolume-protection-controller",
  "persistentvolumeclaim-protection-controller",
  "pod-garbage-collector-controller",
  "replicaset-controller",
  "resourcequota-controller",
  "root-ca-certificate-publisher-controller",
  "serviceaccount-controller",
  "taint-eviction-controller",
  "ttl-after-finished-controller",
];

/** URL of the API server. */
export function serverUrl(ports: ControlPlanePorts): string {
  return `https://127.0.0.1:${ports.apiServer}`;
}

/** Path of a user's kubeconfig; the administrator's is the one that people use. */
export function kubeconfigPath(directory: string, user: ClientName): string {
  return join(directory, user === "admin" ? "kubeconfig" : `${user}.kubeconfig`);
}

/** Path of the audit log: one JSON object a line. */
export function auditLogPath(directory: string): string {
  return join(directory, "logs", "audit.log");
}

export function auditPolicyPath(directory: string): string {
  return join(directory, "audit-policy.yaml");
}

/** The components in the order in which they start; each needs the ones before it. */
export function controlPlaneComponents(plan: ControlPlanePlan): NamedComponent[] {
  const { components, furtherArgs = {} } = plan.settings;
  return [etcd(plan), apiServer(plan), controllerManager(plan), scheduler(plan)]
    .filter(({ name }) => components === undefined || components.includes(name))
    .map((component) => ({ ...component, args: [...component.args, ...(furtherArgs[component.name] ?? [])] }));
}

function etcd({ directory, ports, certificates, binaries }: ControlPlanePlan): NamedComponent {
  const { server, caFile, clients } = certificates;
  const client = `https://127.0.0.1:${ports.etcd}`;
  const peer = `https://127.0.0.1:${ports.etcdPeer}`;
  return {
    name: "etcd",
    command: binaries.etcd,
    args: [
      `--data-dir=${join(directory, "etcd")}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      `--cert-file=${server.certFile}`,
      `--key-file=${server.keyFile}`,
      "--client-cert-auth",
      `--trusted-ca-file=${caFile}`,
      `--peer-cert-file=${server.certFile}`,
      `--peer-key-file=${server.keyFile}`,
      "--peer-client-cert-auth",
      `--peer-trusted-ca-file=${caFile}`,
      // The data need to outlive a killed process, not a power failure.
      "--unsafe-no-fsync",
      "--auto-compaction-mode=periodic",
      "--auto-compaction-retention=30m",
      "--log-level=warn",
    ],
    ready: httpReady(`${client}/readyz`, { caFile, client: clients["kube-apiserver"] }),
  };
}

function apiServer({ directory, ports, certificates, binaries, settings }: ControlPlanePlan): NamedComponent {
  const { server, caFile, clients, serviceAccount } = certificates;
  const eviction = settings.evictionSeconds ?? 300;
  return {
    name: "kube-apiserver",
    command: binaries["kube-apiserver"],
    args: [
      "--bind-address=127.0.0.1",
      // Without it the server needs a default route, which a machine without network lacks.
      "--advertise-address=127.0.0.1",
      `--secure-port=${ports.apiServer}`,
      // No Endpoints for the service `kubernetes`: they may not hold a loopback address.
      "--endpoint-reconciler-type=none",
      `--etcd-servers=https://127.0.0.1:${ports.etcd}`,
      `--etcd-cafile=${caFile}`,
      `--etcd-certfile=${clients["kube-apiserver"].certFile}`,
      `--etcd-keyfile=${clients["kube-apiserver"].keyFile}`,
      `--tls-cert-file=${server.certFile}`,
      `--tls-private-key-file=${server.keyFile}`,
      `--client-ca-file=${caFile}`,
      `--kubelet-certificate-authority=${caFile}`,
      `--kubelet-client-certificate=${clients["kube-apiserver"].certFile}`,
      `--kubelet-client-key=${clients["kube-apiserver"].keyFile}`,
      "--kubelet-preferred-address-types=InternalIP",
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${serviceAccount.publicKeyFile}`,
      `--service-account-signing-key-file=${serviceAccount.privateKeyFile}`,
      "--service-cluster-ip-range=10.0.0.0/24",
      "--authorization-mode=RBAC",
      `--default-not-ready-toleration-seconds=${eviction}`,
      `--default-unreachable-toleration-seconds=${eviction}`,
      `--audit-policy-file=${auditPolicyPath(directory)}`,
      `--audit-log-path=${auditLogPath(directory)}`,
      // A line is in the log before its request is answered, so that requests can be counted.
      "--audit-log-mode=blocking",
      "--audit-log-maxsize=200",
      "--audit-log-maxbackup=1",
      "--profiling=false",
    ],
    ready: httpReady(`${serverUrl(ports)}/readyz`, { caFile, client: clients.admin }),
  };
}

function controllerManager({ directory, ports, certificates, binaries, settings }: ControlPlanePlan): NamedComponent {
  const { server, caFile, clients, serviceAccount } = certificates;
  const kubeconfig = kubeconfigPath(directory, "kube-controller-manager");
  return {
    name: "kube-controller-manager",
    command: binaries["kube-controller-manager"],
    args: [
      `--kubeconfig=${kubeconfig}`,
      `--authentication-kubeconfig=${kubeconfig}`,
      `--authorization-kubeconfig=${kubeconfig}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${ports.controllerManager}`,
      `--tls-cert-file=${server.certFile}`,
      `--tls-private-key-file=${server.keyFile}`,
      `--root-ca-file=${caFile}`,
      `--service-account-private-key-file=${serviceAccount.privateKeyFile}`,
      "--use-service-account-credentials",
      "--leader-elect=false",
      // A server of one's own need not be spared: the default of 20 a second holds up thousands of runs.
      "--kube-api-qps=1000",
      "--kube-api-burst=2000",
      `--controllers=${CONTROLLERS.join(",")}`,
      "--node-monitor-period=1s",
      "--pvclaimbinder-sync-period=2s",
      `--node-monitor-grace-period=${settings.nodeSilenceSeconds ?? 50}s`,
      "--profiling=false",
    ],
    ready: httpReady(`https://127.0.0.1:${ports.controllerManager}/healthz`, { caFile, client: clients.admin }),
  };
}

function scheduler({ directory, ports, certificates, binaries }: ControlPlanePlan): NamedComponent {
  const { server, caFile, clients } = certificates;
  const kubeconfig = kubeconfigPath(directory, "kube-scheduler");
  return {
    name: "kube-scheduler",
    command: binaries["kube-scheduler"],
    args: [
      `--kubeconfig=${kubeconfig}`,
      `--authentication-kubeconfig=${kubeconfig}`,
      `--authorization-kubeconfig=${kubeconfig}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${ports.scheduler}`,
      `--tls-cert-file=${server.certFile}`,
      `--tls-private-key-file=${server.keyFile}`,
      "--leader-elect=false",
      "--profiling=false",
    ],
    ready: httpReady(`https://127.0.0.1:${ports.scheduler}/readyz`, { caFile, client: clients.admin }),
  };
}
