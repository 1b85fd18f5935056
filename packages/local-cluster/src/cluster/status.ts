import { kubeconfigPath } from "../control-plane/components.ts";
import { readRunning } from "../process/pid-file.ts";
import { asAdministrator } from "./cluster-api.ts";
import { type ClusterPorts, readPorts } from "./cluster-file.ts";
import { componentNames } from "./components.ts";
import { deploymentState } from "./deployments.ts";
import { OPERATORS_NAMESPACE } from "./operators.ts";

/** One line of the status. */
export interface StatusRow {
  name: string;
  state: string;
  healthy: boolean;
  /** Process id of what runs on this machine directly. */
  pid?: number;
  /** Where it listens. */
  address?: string;
  /** Why the state is not known. */
  why?: string;
}

/** How everything in a cluster is; undefined when there is no cluster. */
export async function clusterStatus(directory: string, signal: AbortSignal): Promise<StatusRow[] | undefined> {
  const ports = await readPorts(directory);
  if (ports === undefined) return undefined;
  const processes = await Promise.all(componentNames.map((name) => processRow(directory, name, ports)));
  return [...processes, ...(await operatorRows(directory, signal))];
}

/** The rows as text, in columns; below them why a state is not known, and what to do about what does not run. */
export function renderStatus(rows: readonly StatusRow[]): string {
  const table = [
    ["NAME", "STATE", "PID", "ADDRESS"],
    ...rows.map(({ name, state, pid, address }) => [name, state, pid?.toString() ?? "-", address ?? "-"]),
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lines = table.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("   "));
  const whys = new Set(rows.flatMap(({ why }) => (why === undefined ? [] : [`unknown: ${why}`])));
  const cure = rows.every(({ healthy }) => healthy) ? [] : ["`make local-up` starts what does not run"];
  return [...lines, ...whys, ...cure].join("\n");
}

async function processRow(
  directory: string,
  name: (typeof componentNames)[number],
  ports: ClusterPorts,
): Promise<StatusRow> {
  const process = await readRunning(directory, name);
  const address = `127.0.0.1:${ports[portOf[name]]}`;
  if (process === undefined) return { name, state: "stopped", healthy: false, address };
  return { name, state: "running", healthy: true, pid: process.pid, address };
}

// A server whose etcd is down holds requests for a minute.
const ANSWER_LIMIT_MS = 5_000;

const portOf = {
  etcd: "etcd",
  "kube-apiserver": "apiServer",
  "kube-controller-manager": "controllerManager",
  "kube-scheduler": "scheduler",
  forge: "forge",
  "rehearsal-model": "model",
  provisioner: "provisioner",
  node: "node",
} as const satisfies Record<(typeof componentNames)[number], keyof ClusterPorts>;

async function operatorRows(directory: string, signal: AbortSignal): Promise<StatusRow[]> {
  const names = ["docs-generation-operator", "task-implementation-operator"];
  const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_LIMIT_MS)]);
  try {
    return await asAdministrator(kubeconfigPath(directory, "admin"), (client) =>
      Promise.all(
        names.map(async (name) => {
          const state = await deploymentState(client, { namespace: OPERATORS_NAMESPACE, name }, limit);
          return { name, state, healthy: state === "available" };
        }),
      ),
    );
  } catch (error) {
    signal.throwIfAborted();
    const cause = error instanceof Error ? error.message : String(error);
    const why = limit.aborted ? `the API server did not answer within ${ANSWER_LIMIT_MS / 1000} s` : cause;
    return names.map((name) => ({ name, state: "unknown", healthy: false, why }));
  }
}
