import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startComponent, stopComponent } from "../process/component.ts";
import { type Certificates, clientNames, ensureCertificates } from "./certificates.ts";
import { auditLogPath, auditPolicyPath, controlPlaneComponents, kubeconfigPath, serverUrl } from "./components.ts";
import { type ControlPlanePorts, chooseControlPlanePorts } from "./control-plane-ports.ts";
import { writeKubeconfig } from "./kubeconfig.ts";
import { type ComponentName, type ControlPlaneSettings, defaultAuditPolicy } from "./settings.ts";
import type { Binaries } from "../binaries/versions.ts";

export interface ControlPlaneOptions {
  /** Absolute path; holds data, certificates, logs and pid files. Made when it does not exist. */
  directory: string;
  binaries: Binaries;
  signal: AbortSignal;
  /** Environment of this process. */
  env: Record<string, string | undefined>;
  /** Default: free ones. */
  ports?: ControlPlanePorts;
  settings?: ControlPlaneSettings;
  /** Whether the components outlive this process. Default `bound`: they end with it. */
  lifetime?: "bound" | "detached";
  /** Told of each step. */
  log?: (line: string) => void;
}

/** A control plane that answers. */
export interface ControlPlane {
  server: string;
  /** Path of a kubeconfig of the cluster's administrator. */
  kubeconfig: string;
  /** Path of a kubeconfig for the node, which the API server then knows as `local-node`. */
  nodeKubeconfig: string;
  /** Path of a kubeconfig for the provisioner of claims, `local-provisioner`. */
  provisionerKubeconfig: string;
  caFile: string;
  certificates: Certificates;
  /** One JSON object a line, written before the request is answered. */
  auditLog: string;
  kubectl: string;
  /** Process ids of the components. */
  pids: ReadonlyMap<ComponentName, number>;
  /** Ends all components; each has `graceMs` (default 10,000; 0 kills) to end by itself. By default nothing calls it off. */
  stop(options?: { graceMs?: number; signal?: AbortSignal }): Promise<void>;
}

/**
 * Starts etcd, kube-apiserver, kube-controller-manager and kube-scheduler on loopback and waits until each is ready.
 * What runs in the directory already is kept.
 * @throws ComponentFailed when one does not start; the others are stopped if they are bound to this process.
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { directory, binaries, signal, env, settings = {}, lifetime = "bound", log = () => {} } = options;
  await mkdir(join(directory, "logs"), { recursive: true });
  const ports = options.ports ?? (await chooseControlPlanePorts());
  const certificates = await ensureCertificates(join(directory, "pki"), new Date());
  await writeFile(auditPolicyPath(directory), settings.auditPolicy ?? defaultAuditPolicy);
  await writeKubeconfigs(directory, ports, certificates);
  const components = controlPlaneComponents({ directory, ports, certificates, binaries, settings });
  const stop: ControlPlane["stop"] = async ({ graceMs = 10_000, signal: calledOff } = {}) => {
    const stopping = { directory, graceMs, signal: calledOff ?? new AbortController().signal };
    for (const { name } of components.toReversed()) await stopComponent(name, stopping);
  };
  const pids = new Map<ComponentName, number>();
  try {
    for (const component of components) {
      const { pid } = await startComponent(component, { directory, lifetime, signal, env, log });
      pids.set(component.name, pid);
    }
  } catch (error) {
    if (lifetime === "bound") await stop({ graceMs: 0 });
    throw error;
  }
  return {
    server: serverUrl(ports),
    kubeconfig: kubeconfigPath(directory, "admin"),
    nodeKubeconfig: kubeconfigPath(directory, "node"),
    provisionerKubeconfig: kubeconfigPath(directory, "provisioner"),
    caFile: certificates.caFile,
    certificates,
    auditLog: auditLogPath(directory),
    kubectl: binaries.kubectl,
    pids,
    stop,
  };
}

async function writeKubeconfigs(
  directory: string,
  ports: ControlPlanePorts,
  certificates: Certificates,
): Promise<void> {
  const { caFile, clients } = certificates;
  for (const user of clientNames) {
    await writeKubeconfig(kubeconfigPath(directory, user), {
      server: serverUrl(ports),
      caFile,
      user,
      client: clients[user],
    });
  }
}
