import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { resources } from "@orchestrator/controller-runtime";
import type { Certificates } from "../control-plane/certificates.ts";
import { kubeconfigPath } from "../control-plane/components.ts";
import { httpReady } from "../control-plane/readiness.ts";
import type { Component } from "../process/component.ts";
import { asAdministrator } from "./cluster-api.ts";
import type { ClusterPorts } from "./cluster-file.ts";

/** Everything that runs in a local cluster, in the order in which it starts. */
export const componentNames = [
  "etcd",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "forge",
  "rehearsal-model",
  "provisioner",
  "node",
] as const;

export interface ProgramsPlan {
  directory: string;
  ports: ClusterPorts;
  certificates: Certificates;
}

/** What runs beside the control plane. */
export function programComponents(plan: ProgramsPlan): Component[] {
  return [forge(plan), rehearsalModel(plan), provisioner(plan), node(plan)];
}

function forge({ directory, ports, certificates }: ProgramsPlan): Component {
  const { server, caFile } = certificates;
  return {
    ...program("forge", "forge/main.ts", {
      directory: join(directory, "forge"),
      certificate: server.certFile,
      key: server.keyFile,
      port: ports.forge,
    }),
    ready: httpReady(forgeUrl(ports), { caFile, expect: "answers" }),
  };
}

function rehearsalModel({ ports, certificates }: ProgramsPlan): Component {
  const { server, caFile } = certificates;
  return {
    ...program("rehearsal-model", "rehearsal-model/main.ts", {
      certificate: server.certFile,
      key: server.keyFile,
      port: ports.model,
    }),
    ready: httpReady(modelUrl(ports), { caFile, expect: "answers" }),
  };
}

function provisioner({ directory, ports }: ProgramsPlan): Component {
  return {
    ...program("provisioner", "provisioner/main.ts", {
      kubeconfig: kubeconfigPath(directory, "provisioner"),
      directory: join(directory, "volumes"),
      "health-port": ports.provisioner,
    }),
    ready: httpReady(`http://127.0.0.1:${ports.provisioner}/readyz`),
  };
}

function node({ directory, ports, certificates }: ProgramsPlan): Component {
  const { server, caFile, clients } = certificates;
  return {
    ...program("node", "node/main.ts", {
      directory: join(directory, "node"),
      kubeconfig: kubeconfigPath(directory, "node"),
      port: ports.node,
      certificate: server.certFile,
      key: server.keyFile,
      "client-ca": caFile,
    }),
    ready: async (signal) => {
      const client = clients["kube-apiserver"];
      await httpReady(`https://127.0.0.1:${ports.node}/`, { caFile, client, expect: "answers" })(signal);
      await nodeReady(kubeconfigPath(directory, "admin"), signal);
    },
  };
}

async function nodeReady(kubeconfig: string, signal: AbortSignal): Promise<void> {
  const { items } = await asAdministrator(kubeconfig, (client) => client.list(resources.nodes, { signal }));
  const conditions = items.flatMap(({ status }) => status?.conditions ?? []);
  if (conditions.some(({ type, status }) => type === "Ready" && status === "True")) return;
  throw new Error(`the node is not ready: ${JSON.stringify(conditions)}`);
}

function program(name: string, entry: string, options: Record<string, string | number>): Omit<Component, "ready"> {
  const path = fileURLToPath(new URL(`../${entry}`, import.meta.url));
  const node = ["--conditions=@orchestrator/source", "--disable-warning=ExperimentalWarning"];
  const args = Object.entries(options).map(([key, value]) => `--${key}=${value}`);
  return { name, command: process.execPath, args: [...node, path, ...args] };
}

/** Address of the local forge. */
export function forgeUrl(ports: ClusterPorts): string {
  return `https://127.0.0.1:${ports.forge}`;
}

/** Address of the rehearsal model. */
export function modelUrl(ports: ClusterPorts): string {
  return `https://127.0.0.1:${ports.model}`;
}
