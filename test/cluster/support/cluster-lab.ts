import {
  type ContainerStatus,
  type KubernetesClient,
  type KubernetesObject,
  type Pod,
  type ResourceType,
  resources,
} from "@orchestrator/controller-runtime";
import { labels, type RunObject, type RunStatus } from "@orchestrator/core";
import { inject } from "vitest";
import { backlog, type BacklogTask } from "../../support/backlog.ts";
import { adminClient, kubectl, kubectlOk, type KubectlResult } from "../../support/cluster.ts";
import { createNamespace } from "../../support/namespace.ts";
import { docsRuns, implementationRuns } from "../../support/runs.ts";
import { waitFor } from "../../support/wait.ts";

/** What a test file needs on the cluster: a namespace of its own under Pod Security `restricted`, with its Secrets. */
export interface ClusterLab extends AsyncDisposable {
  client: KubernetesClient;
  namespace: string;
  /** Makes a repository with this backlog; answers what a run's spec says of it. */
  repository(name: string, tasks: BacklogTask[]): Promise<Record<string, unknown>>;
  /** Applies a run of task 1 with one attempt. */
  implement(name: string, spec: Record<string, unknown>): Promise<RunObject>;
  docs(name: string, spec: Record<string, unknown>): Promise<RunObject>;
  /** Waits until a run's status is as asked. */
  until(run: RunObject, what: string, holds: (status: Partial<RunStatus>) => boolean, wait?: Wait): Promise<RunObject>;
  /** Waits until the run has ended; answers its status. */
  end(run: RunObject, wait?: Wait): Promise<Partial<RunStatus>>;
  /** Waits until the newest pod of the run is as asked. */
  pod(run: RunObject, what?: string, holds?: (pod: Pod) => boolean, wait?: Wait): Promise<Pod>;
  /** Runs a command in a container of a pod. */
  exec(pod: Pod, container: string, command: string[]): Promise<KubectlResult>;
  pullRequests(repository: string): Promise<{ number: number; state: string; head: { ref: string } }[]>;
  model: {
    /** Requests whose prompt holds `text` wait from now on. */
    hold(text: string): Promise<void>;
    release(text: string): Promise<void>;
    /** Waits until as many requests wait. */
    held(text: string, count?: number): Promise<void>;
  };
  kubectl(...args: string[]): Promise<string>;
  /** Waits until API server and kubelet answer again, both after they were seen gone or not. */
  answers(): Promise<void>;
}

type Wait = Parameters<typeof waitFor>[2];

/** Where `make rehearsal` has put forge and model. */
const rehearsalNamespace = "orchestrator-rehearsal";

const patiently = { timeoutMs: 240_000, intervalMs: 200 };

function cluster(): { kubectl: string; kubeconfig: string } {
  return { kubectl: "kubectl", kubeconfig: inject("stage").kubeconfig };
}

/** Runs kubectl as the administrator of the cluster. */
export async function onCluster(...args: string[]): Promise<string> {
  return await kubectlOk(args, { cluster: cluster() });
}

/** @param place prefix of the name of a namespace of its own, or one that is there and stays */
export async function openLab(place: string | { namespace: string }): Promise<ClusterLab> {
  const stack = new AsyncDisposableStack();
  const client = await adminClient(cluster() as never);
  stack.defer(() => client.close());
  const namespace = typeof place === "string" ? stack.use(await createNamespace(client, place)).name : place.namespace;
  const inNamespace = (...args: string[]): Promise<string> => onCluster("-n", namespace, ...args);
  await onCluster("label", "--overwrite", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted");
  await makeSecrets(inNamespace);
  const apply = async (
    type: ResourceType<RunObject>,
    name: string,
    spec: Record<string, unknown>,
  ): Promise<RunObject> =>
    await client.create(type, runObject(type, namespace, name, spec), { signal: AbortSignal.timeout(30_000) });
  const until: ClusterLab["until"] = (run, what, holds, wait) => waitForRun(client, run, what, holds, wait);
  return {
    client,
    namespace,
    repository: makeRepository,
    implement: (name, spec) =>
      apply(implementationRuns, name, { taskId: 1, serviceName: "greeter", agentName: "ada", ...spec }),
    docs: (name, spec) => apply(docsRuns, name, spec),
    until,
    end: async (run, wait) => (await until(run, "ends", hasEnded, wait)).status ?? {},
    pod: (run, what, holds, wait) => waitForPod(client, run, what, holds, wait),
    exec: (pod, container, command) =>
      kubectl(["-n", namespace, "exec", pod.metadata.name, "-c", container, "--", ...command], { cluster: cluster() }),
    pullRequests: async (repository) =>
      JSON.parse(await ask("forge", "GET", `/api/v3/repos/local/${repository}/pulls?state=all`)) as never,
    model: {
      hold: async (text) => void (await ask("model", "POST", "/control/hold", text)),
      release: async (text) => void (await ask("model", "POST", "/control/release", text)),
      held: (text, count = 1) => waitUntilHeld(text, count),
    },
    kubectl: inNamespace,
    answers: untilAnswers,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const hasEnded = ({ phase }: Partial<RunStatus>): boolean =>
  phase === "Succeeded" || phase === "Failed" || phase === "Cancelled";

/** Reason of the condition Succeeded. */
export function reasonOf({ conditions = [] }: Partial<RunStatus>): string | undefined {
  return conditions.find(({ type }) => type === "Succeeded")?.reason;
}

export function stateOf({ status = {} }: Pod, container: string): NonNullable<ContainerStatus["state"]> {
  const { initContainerStatuses = [], containerStatuses = [] } = status;
  return [...initContainerStatuses, ...containerStatuses].find(({ name }) => name === container)?.state ?? {};
}

/** One attempt alone, and no waiting between what a test watches. */
const oneAttempt = { maxInfrastructureRetries: 0, maxAgentRetries: 0, backoff: { initial: "1s", max: "1s" } };

function runObject({ kind }: ResourceType, namespace: string, name: string, spec: Record<string, unknown>): RunObject {
  return {
    apiVersion: "orchestrator.io/v1",
    kind,
    metadata: { namespace, name },
    spec: { retryConfig: oneAttempt, ...spec },
  };
}

async function makeSecrets(inNamespace: (...args: string[]) => Promise<string>): Promise<void> {
  const { API_KEY_FILE = "", TOKEN_FILE = "", FORGE_HOST = "" } = inject("stage").variables;
  const make = ["create", "secret", "generic"];
  await inNamespace(...make, "orchestrator-model", `--from-file=api-key=${API_KEY_FILE}`);
  const token = [`--from-file=token=${TOKEN_FILE}`, `--from-literal=host=${FORGE_HOST}`];
  await inNamespace(...make, "repository-credentials", ...token);
}

async function makeRepository(name: string, tasks: BacklogTask[]): Promise<Record<string, unknown>> {
  return await publish(name, backlog(tasks));
}

/** Makes a repository with these files; answers what a run's spec says of it. */
async function publish(name: string, files: Readonly<Record<string, string>>): Promise<Record<string, unknown>> {
  const body = JSON.stringify({ name: `local/${name}`, files });
  const { cloneUrl } = JSON.parse(await ask("forge", "POST", "/control/repositories", body)) as { cloneUrl: string };
  return {
    url: cloneUrl,
    branch: "main",
    provider: "GitHub",
    apiUrl: `https://${inject("stage").variables["FORGE_HOST"]}/api/v3`,
    secretRef: { name: "repository-credentials" },
  };
}

/** In the server's own pod, where neither a proxy nor a network policy stands between. */
const program = `
const [method, path, token] = process.argv.slice(1);
const { readFileSync } = require("fs");
const headers = token ? { authorization: "Bearer " + readFileSync(token, "utf8") } : {};
const options = { method, headers, rejectUnauthorized: false };
const request = require("https").request("https://127.0.0.1:8443" + path, options, (response) => {
  response.pipe(process.stdout);
  response.on("end", () => { process.exitCode = response.statusCode < 300 ? 0 : 1; });
});
process.stdin.pipe(request);
`;

async function ask(server: "forge" | "model", method: string, path: string, body = ""): Promise<string> {
  const into = ["-n", rehearsalNamespace, "exec", "-i", `deployment/${server}`, "--", "node", "-e", program, "--"];
  const token = server === "forge" ? ["/etc/rehearsal/token"] : [];
  return await kubectlOk([...into, method, path, ...token], { input: body, cluster: cluster() });
}

/** Three times in a row, because what was told to restart may answer once more before it goes. */
async function untilAnswers(): Promise<void> {
  let times = 0;
  await waitFor(
    "API server and kubelet to answer",
    async () => {
      const { code, stderr } = await kubectl(
        ["-n", rehearsalNamespace, "exec", "deployment/model", "--", "node", "-v"],
        {
          cluster: cluster(),
        },
      );
      times = code === 0 ? times + 1 : 0;
      return times === 3 ? { done: true } : { pending: stderr };
    },
    { timeoutMs: 120_000, intervalMs: 1000 },
  );
}

async function waitUntilHeld(text: string, count: number): Promise<void> {
  await waitFor(
    `${count} requests for ${JSON.stringify(text)} to wait`,
    async () => {
      const { held } = JSON.parse(await ask("model", "POST", "/control/held", text)) as { held: number };
      return held >= count ? { done: held } : { pending: held };
    },
    patiently,
  );
}

function waitForRun(
  client: KubernetesClient,
  { kind, metadata: { namespace = "", name } }: KubernetesObject,
  what: string,
  holds: (status: Partial<RunStatus>) => boolean,
  wait: Wait = patiently,
): Promise<RunObject> {
  const type = kind === docsRuns.kind ? docsRuns : implementationRuns;
  return waitFor(
    `${kind} ${name} ${what}`,
    async (signal) => {
      const run = await client.get(type, { namespace, name }, { signal });
      if (holds(run.status ?? {})) return { done: run };
      const { items } = await client.list(resources.pods, { namespace, signal });
      return { pending: { status: run.status, pods: items.map(({ metadata, status }) => [metadata.name, status]) } };
    },
    wait,
  );
}

function waitForPod(
  client: KubernetesClient,
  { metadata: { namespace = "", uid = "" } }: RunObject,
  what = "exists",
  holds: (pod: Pod) => boolean = () => true,
  wait: Wait = patiently,
): Promise<Pod> {
  return waitFor(
    `pod of run ${uid} ${what}`,
    async (signal) => {
      const labelSelector = `${labels.runUid}=${uid}`;
      const { items } = await client.list(resources.pods, { namespace, labelSelector, signal });
      const newest = items.toSorted((a, b) => order(b) - order(a))[0];
      if (newest !== undefined && holds(newest)) return { done: newest };
      return { pending: items.map(({ metadata, status }) => [metadata, status]) };
    },
    wait,
  );
}

function order({ metadata }: KubernetesObject): number {
  return Number(metadata.labels?.[labels.attempt] ?? 0);
}
