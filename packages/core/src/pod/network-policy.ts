import type { NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyPeer } from "@orchestrator/controller-runtime";
import { annotations, labels, managedBy } from "../run/labels.ts";
import { contentHash } from "../run/names.ts";

/** Somewhere that the pods of runs may connect to by TCP, beside public addresses at port 443. */
export type EgressDestination =
  | { type: "addresses"; cidr: string; port: number }
  | { type: "namespace"; namespace: string; port: number };

export interface NetworkPolicyOptions {
  namespace: string;
  /** Of run; each kind has a policy of its own. */
  kind: string;
  /** Short word for the kind. */
  prefix: string;
  open: readonly EgressDestination[];
}

// Where clusters, their neighbours and the clouds' metadata services are.
const privateV4 = [
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "198.18.0.0/15",
];
const privateV6 = ["fc00::/7", "fe80::/10"];
/** Where a node's own cache of the cluster's names answers. */
const nodeLocalDns = "169.254.20.10/32";

/** Name of the policy for one kind of run in its namespace. */
export function networkPolicyName(prefix: string): string {
  return `orchestrator-${prefix}-runs`;
}

/**
 * For the pods of one kind of run: nobody connects to them, and they connect to the cluster's name service, to public addresses
 * at port 443, and to what is open beside that. It belongs to no run and stays when the last one is gone.
 */
export function buildNetworkPolicy({ namespace, kind, prefix, open }: NetworkPolicyOptions): NetworkPolicy {
  const selected = { [labels.managedBy]: managedBy, [labels.kind]: kind };
  const spec: NetworkPolicy["spec"] = {
    podSelector: { matchLabels: selected },
    policyTypes: ["Ingress", "Egress"],
    ingress: [],
    egress: [nameService(), publicHttps(), ...open.map(opening)],
  };
  const hash = contentHash(JSON.stringify(spec));
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: {
      name: networkPolicyName(prefix),
      namespace,
      labels: selected,
      annotations: { [annotations.policyHash]: hash },
    },
    spec,
  };
}

function nameService(): NetworkPolicyEgressRule {
  const ports = [53, 5353].flatMap((port) => [{ protocol: "UDP", port } as const, { protocol: "TCP", port } as const]);
  return { to: [{ namespaceSelector: {} }, { ipBlock: { cidr: nodeLocalDns } }], ports };
}

function publicHttps(): NetworkPolicyEgressRule {
  return {
    to: [{ ipBlock: { cidr: "0.0.0.0/0", except: privateV4 } }, { ipBlock: { cidr: "::/0", except: privateV6 } }],
    ports: [{ protocol: "TCP", port: 443 }],
  };
}

function opening(destination: EgressDestination): NetworkPolicyEgressRule {
  return { to: [peer(destination)], ports: [{ protocol: "TCP", port: destination.port }] };
}

function peer(destination: EgressDestination): NetworkPolicyPeer {
  switch (destination.type) {
    case "addresses":
      return { ipBlock: { cidr: destination.cidr } };
    case "namespace":
      return { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": destination.namespace } } };
  }
}
