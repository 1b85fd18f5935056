import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isApiError, type KubernetesClient, resources } from "@orchestrator/controller-runtime";
import { inject } from "vitest";
import type { Grant, TestCluster } from "./cluster.ts";
import { type Probe, waitFor } from "./wait.ts";

export type OperatorName = "docs-generation-operator" | "task-implementation-operator";

export interface OperatorOptions {
  operator: OperatorName;
  /** The only namespace that it watches; its account, rights and Lease are there, too. */
  namespace: string;
  /** With the administrator's rights. */
  client: KubernetesClient;
  /** Default: the shared cluster. */
  cluster?: Pick<TestCluster, "directory" | "server" | "caFile">;
  /** Where the operator sends its requests. Default: the cluster's API server. */
  server?: string;
  /** Settings beside those that every test needs; an empty one counts as absent. */
  env?: Record<string, string>;
  /** Whether it gets the rights that `deploy/` gives it. Default: true. */
  granted?: boolean;
}

/** An operator in a process of its own, from the bundle that is shipped; `await using` ends it with the test. */
export interface RunningOperator extends AsyncDisposable {
  /** User name that the API server knows it by. */
  readonly user: string;
  /** What it has written so far: its log, and its last words on standard error. */
  readonly output: { stdout: string; stderr: string };
  readonly ports: { metrics: number; health: number };
  readonly pid: number;
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** Ends it as Kubernetes does: SIGTERM, then patience. */
  stop(): Promise<number | string>;
  /** SIGKILL; then its Lease is as it would be when its time has passed. */
  kill(): Promise<number | string>;
  /** SIGSTOP: it does nothing until `resume`, and does not know of it. */
  pause(): void;
  resume(): void;
  /** Starts it once more when it has ended, as a container is restarted: the same account, the same settings. */
  again(): Promise<RunningOperator>;
  /** The same, without waiting for anything. */
  launchAgain(): RunningOperator;
}

const repository = fileURLToPath(new URL("../../", import.meta.url));

/** Starts an operator and waits until its controllers run. */
export async function startOperator(options: OperatorOptions): Promise<RunningOperator> {
  return await untilItWorks(options.operator, await launchOperator(options));
}

async function untilItWorks(name: OperatorName, operator: RunningOperator): Promise<RunningOperator> {
  try {
    const works = waitFor(`${name} to run its controllers`, async () =>
      operator.output.stdout.includes('"controllers are running"') ? { done: true } : { pending: operator.output },
    );
    await unlessItEnds(operator, works);
    return operator;
  } catch (error) {
    await operator.kill();
    throw error;
  }
}

/** What is waited for; an operator that has ended will not bring it about. */
export async function unlessItEnds<T>({ ended, output }: RunningOperator, waiting: Promise<T>): Promise<T> {
  const gaveUp = ended.then((end) => {
    throw new Error(`the operator ended with ${end}: ${output.stderr}${output.stdout}`);
  });
  return await Promise.race([waiting, gaveUp]);
}

/** Starts an operator and does not wait, for those that are to end by themselves. */
export async function launchOperator(options: OperatorOptions): Promise<RunningOperator> {
  const { operator, namespace, granted = true } = options;
  const cluster = options.cluster ?? inject("cluster");
  if (granted) await grant(options, inject("cluster").grants);
  const kubeconfig = await writeKubeconfig(options, cluster);
  const launch = (): RunningOperator => {
    const child = spawn(process.execPath, [join(repository, "packages", operator, "dist/main.mjs")], {
      cwd: repository,
      env: { ...settings(namespace), KUBECONFIG: kubeconfig, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const again = async (): Promise<RunningOperator> => await untilItWorks(operator, launch());
    const user = `system:serviceaccount:${namespace}:${operator}`;
    return observe(child, { user, again, launchAgain: launch, lapse: () => lapse(options) });
  };
  return launch();
}

/** The machine is so busy that a lease of usual length could be lost, and with it the operator. */
function settings(namespace: string): Record<string, string> {
  return {
    AGENT_IMAGE: "orchestrator/agent:dev",
    WATCH_NAMESPACES: namespace,
    LEASE_NAMESPACE: namespace,
    LEASE_DURATION: "60s",
    RENEW_DEADLINE: "40s",
    RETRY_PERIOD: "2s",
    METRICS_PORT: "0",
    HEALTH_PORT: "0",
  };
}

interface Known extends Pick<RunningOperator, "user" | "again" | "launchAgain"> {
  lapse: () => Promise<void>;
}

function observe(child: ChildProcess, { lapse, ...known }: Known): RunningOperator {
  const output = { stdout: "", stderr: "" };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  const ended = new Promise<number | string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
  const end = (signal: NodeJS.Signals): Promise<number | string> => {
    child.kill(signal);
    return ended;
  };
  return {
    ...known,
    pid: child.pid ?? 0,
    output,
    ended,
    get ports() {
      return servedPorts(output.stdout);
    },
    stop: () => end("SIGTERM"),
    async kill() {
      const how = await end("SIGKILL");
      await lapse();
      return how;
    },
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    async [Symbol.asyncDispose]() {
      await end("SIGKILL");
    },
  };
}

/** Nobody holds the operator's Lease any more. */
async function lapse({ operator, namespace, client }: OperatorOptions): Promise<void> {
  const options = { type: "merge", signal: AbortSignal.timeout(30_000) } as const;
  try {
    await client.patch(resources.leases, { namespace, name: operator }, { spec: { holderIdentity: "" } }, options);
  } catch (error) {
    if (!isApiError(error, "NotFound")) throw error;
  }
}

const openWork = ["workqueue_depth", "controller_runtime_active_workers"];

/** Whether an operator that works has nothing left in hand, and has looked at as many things as it should have. */
export async function isIdle(
  { ports }: RunningOperator,
  signal: AbortSignal,
  { reconciles = 0 } = {},
): Promise<Probe<true>> {
  const metrics = await (await fetch(`http://127.0.0.1:${ports.metrics}/metrics`, { signal })).text();
  const lines = metrics.split("\n");
  const sum = (name: string): number =>
    lines.filter((line) => line.startsWith(`${name}{`)).reduce((all, line) => all + Number(line.split(" ").at(-1)), 0);
  const idle = sum("controller_runtime_reconcile_total") >= reconciles && openWork.every((name) => sum(name) === 0);
  return idle ? { done: true } : { pending: metrics };
}

function servedPorts(log: string): { metrics: number; health: number } {
  const line = log.split("\n").find((candidate) => candidate.includes('"serving metrics and health"'));
  if (line === undefined) throw new Error(`the operator has not said which ports it serves:\n${log}`);
  return (JSON.parse(line) as { ports: { metrics: number; health: number } }).ports;
}

/** Gives an operator the account and the rights of `deploy/overlays/namespaced`, in this namespace. */
async function grant({ operator, namespace, client }: OperatorOptions, grants: readonly Grant[]): Promise<void> {
  const own = grants.filter(({ metadata }) => metadata.name.includes(operator));
  for (const { apiVersion, kind, ...rest } of own) {
    const root = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
    const body = {
      ...rest,
      apiVersion,
      kind,
      metadata: { ...rest.metadata, namespace },
      ...(rest.subjects && { subjects: rest.subjects.map((subject) => ({ ...subject, namespace })) }),
    };
    const path = `${root}/namespaces/${namespace}/${kind.toLowerCase()}s`;
    try {
      await client.request({ method: "POST", path, body, signal: AbortSignal.timeout(30_000) });
    } catch (error) {
      if (!isApiError(error, "AlreadyExists")) throw error;
    }
  }
}

/** A kubeconfig that holds a token of the operator's own ServiceAccount. */
async function writeKubeconfig(
  { operator, namespace, client, server, granted = true }: OperatorOptions,
  cluster: Pick<TestCluster, "directory" | "server" | "caFile">,
): Promise<string> {
  const account = granted ? operator : "default";
  const { status } = await client.request<{ status: { token: string } }>({
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
    body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 3600 } },
    signal: AbortSignal.timeout(30_000),
  });
  const ca = (await readFile(cluster.caFile)).toString("base64");
  const address = server ?? cluster.server;
  const trust = address.startsWith("https:") ? { "certificate-authority-data": ca } : {};
  const path = join(await mkdtemp(join(cluster.directory, "operator-")), "kubeconfig");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server: address, ...trust } }],
    users: [{ name: operator, user: { token: status.token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: operator, namespace } }],
    "current-context": "test",
  };
  await writeFile(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}
