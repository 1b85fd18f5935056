import { arch, cpus, hostname, release, totalmem } from "node:os";
import type { Condition, Node } from "@orchestrator/controller-runtime";
import { KUBERNETES_VERSION } from "../binaries/versions.ts";
import { hostAddress } from "./lifecycle/pod-status.ts";

export interface NodeFacts {
  name: string;
  /** Where logs are served. */
  port: number;
  /** What pods may ask for: cpu, memory, ephemeral-storage, pods. */
  capacity: Readonly<Record<string, string>>;
  now: number;
  previous: Node | undefined;
}

/** What this machine has. Processors are shared by all pods whatever they ask for, so their number is only what the scheduler counts with. */
export function machineCapacity(): Record<string, string> {
  const kibibytes = Math.floor(totalmem() / 1024);
  return { cpu: String(cpus().length), memory: `${kibibytes}Ki`, "ephemeral-storage": "64Gi", pods: "110" };
}

export interface Taint {
  key: string;
  value?: string;
  effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
}

/** The node's object, without its status. */
export function nodeObject(name: string, taints: readonly Taint[]): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      labels: {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture(),
      },
    },
    ...(taints.length === 0 ? {} : { spec: { taints: [...taints] } }),
  };
}

/** What a node that is up says of itself. Pure but for the facts of the machine. */
export function nodeStatus({ port, capacity, now, previous }: NodeFacts): NonNullable<Node["status"]> {
  return {
    capacity: { ...capacity },
    allocatable: { ...capacity },
    addresses: [
      { type: "InternalIP", address: hostAddress },
      { type: "Hostname", address: hostname() },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
    conditions: conditions(previous?.status?.conditions ?? [], now),
    nodeInfo: {
      architecture: architecture(),
      bootID: "",
      containerRuntimeVersion: "orchestrator-local://0.1.0",
      kernelVersion: release(),
      kubeProxyVersion: "",
      kubeletVersion: KUBERNETES_VERSION,
      machineID: "",
      operatingSystem: "linux",
      osImage: "this machine",
      systemUUID: "",
    },
  };
}

function conditions(previous: readonly Condition[], now: number): (Condition & { lastHeartbeatTime: string })[] {
  const time = new Date(now).toISOString();
  const verdicts: Pick<Condition, "type" | "status" | "reason" | "message">[] = [
    { type: "MemoryPressure", status: "False", reason: "KubeletHasSufficientMemory", message: "not measured" },
    { type: "DiskPressure", status: "False", reason: "KubeletHasNoDiskPressure", message: "not measured" },
    { type: "PIDPressure", status: "False", reason: "KubeletHasSufficientPID", message: "not measured" },
    { type: "Ready", status: "True", reason: "KubeletReady", message: "pods run as sandboxed processes" },
  ];
  return verdicts.map((verdict) => {
    const before = previous.find(({ type }) => type === verdict.type);
    const kept = before?.status === verdict.status ? before.lastTransitionTime : undefined;
    return { ...verdict, lastHeartbeatTime: time, lastTransitionTime: kept ?? time };
  });
}

/** As Kubernetes calls it. */
function architecture(): string {
  return arch() === "x64" ? "amd64" : arch();
}
