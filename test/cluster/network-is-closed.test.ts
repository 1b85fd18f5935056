import type { Container, Pod } from "@orchestrator/controller-runtime";
import { resources } from "@orchestrator/controller-runtime";
import { labels, managedBy } from "@orchestrator/core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { waitFor } from "../support/wait.ts";
import { type ClusterLab, onCluster, openLab, reasonOf, stateOf } from "./support/cluster-lab.ts";

const ofRuns = { [labels.managedBy]: managedBy, [labels.kind]: "TaskImplementationRun" };

let lab: ClusterLab;
beforeAll(async () => {
  lab = await openLab("network");
  // The first run of the namespace brings the policy.
  const run = await lab.implement("first", { repository: await lab.repository("network", [{ id: 1 }]) });
  await lab.until(run, "is Succeeded", ({ phase }) => phase === "Succeeded");
});
afterAll(() => lab[Symbol.asyncDispose]());

/** The first thing it does is to connect: each address as an argument, what came of it as its report. */
const connect = `
const tries = process.argv.slice(1).map((address) => new Promise((resolve) => {
  const { hostname: host, port } = new URL(address);
  const socket = require("net").connect({ host, port: port || 443 });
  const end = (word) => { socket.destroy(); resolve(word); };
  socket.setTimeout(4000, () => end("shut")).on("connect", () => end("open")).on("error", () => end("shut"));
}));
Promise.all(tries).then((words) => require("fs").writeFileSync("/dev/termination-log", words.join(" ")));
`;

async function start(
  name: string,
  podLabels: Record<string, string>,
  command: string[],
  probe: Pick<Container, "readinessProbe"> = {},
): Promise<Pod> {
  const container = {
    ...probe,
    name: "probe",
    image: `localhost/orchestrator/agent:${inject("stage").version}`,
    command,
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
  };
  const securityContext = { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } } as const;
  const metadata = { name, namespace: lab.namespace, labels: podLabels };
  const spec = {
    restartPolicy: "Never",
    automountServiceAccountToken: false,
    securityContext,
    containers: [container],
  };
  return await lab.client.create(resources.pods, { apiVersion: "v1", kind: "Pod", metadata, spec } as Pod, {
    signal: AbortSignal.timeout(30_000),
  });
}

async function until(name: string, what: string, holds: (pod: Pod) => boolean): Promise<Pod> {
  return await waitFor(
    `pod ${name} ${what}`,
    async (signal) => {
      const pod = await lab.client.get(resources.pods, { namespace: lab.namespace, name }, { signal });
      return holds(pod) ? { done: pod } : { pending: pod.status };
    },
    { timeoutMs: 120_000 },
  );
}

/** What came of each address, from the first moment of a pod. */
async function tryAll(name: string, podLabels: Record<string, string>, addresses: string[]): Promise<string[]> {
  await start(name, podLabels, ["node", "-e", connect, ...addresses]);
  const pod = await until(name, "has ended", ({ status }) => status?.phase === "Succeeded");
  return (stateOf(pod, "probe").terminated?.message ?? "").split(" ");
}

/** Starts a pod that listens at port 9000; answers its address. */
async function serve(name: string, podLabels: Record<string, string>): Promise<string> {
  const program = `require("net").createServer().listen(9000, "0.0.0.0", () => require("fs").writeFileSync("/tmp/listens", ""))`;
  // Its own look: nobody may connect to some of them.
  const readinessProbe = { exec: { command: ["test", "-e", "/tmp/listens"] }, periodSeconds: 1 };
  await start(name, podLabels, ["node", "-e", program], { readinessProbe });
  const { status } = await until(name, "listens", ({ status: { conditions = [] } = {} }) =>
    conditions.some((condition) => condition.type === "Ready" && condition.status === "True"),
  );
  return `tcp://${status?.podIP}:9000`;
}

test("pods of runs reach names and what is open, and nothing else of the cluster, from their first connection on", async () => {
  const neighbour = await serve("neighbour", {});
  const addresses = [
    `https://${inject("stage").variables["FORGE_HOST"]}`,
    "https://kubernetes.default.svc",
    neighbour,
    // Where there is a metadata service.
    "tcp://169.254.169.254:80",
  ];
  const contrast = await tryAll("contrast", {}, addresses);
  expect(contrast.slice(0, 3)).toEqual(["open", "open", "open"]);
  const names = Array.from({ length: 6 }, (_, index) => `run-${index}`);
  const results = await Promise.all(names.map((name) => tryAll(name, ofRuns, addresses)));
  expect(results).toEqual(names.map(() => ["open", "shut", "shut", "shut"]));
});

test("nobody connects to a pod of a run", async () => {
  const addresses = [await serve("target", ofRuns), await serve("open-target", {})];
  expect(await tryAll("caller", {}, addresses)).toEqual(["shut", "open"]);
  const told = await onCluster("-n", lab.namespace, "get", "networkpolicies", "-o", "name");
  expect(told.trim().split("\n")).toEqual(["networkpolicy.networking.k8s.io/orchestrator-task-runs"]);
});

test("a repository in the cluster that nobody has opened is named, with the setting that opens it", async () => {
  const url = "https://kubernetes.default.svc/team/backlog.git";
  const run = await lab.implement("closed", { repository: { url, branch: "main", provider: "None" } });
  const status = await lab.end(run);
  expect(reasonOf(status), status.message).toBe("RepositoryUnreachable");
  expect(status.message).toContain("NETWORK_POLICY_OPEN");
});
