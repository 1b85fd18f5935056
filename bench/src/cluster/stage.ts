import { execFile } from "node:child_process";
import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { isApiError, KubernetesClient, loadConnection, resources } from "@orchestrator/controller-runtime";
import { type ControlPlane, getBinaries, startControlPlane } from "@orchestrator/local-cluster";
import { recordTemplates, templateAuditPolicy, type Templates } from "./templates.ts";

const run = promisify(execFile);
const definitions = fileURLToPath(new URL("../../../crds/", import.meta.url));

/** The one API server of a benchmark, with nobody at it but the contender and the harness. */
export interface Stage {
  /** Holds logs and what the control plane needs. */
  directory: string;
  controlPlane: ControlPlane;
  /** With the administrator's rights. */
  client: KubernetesClient;
  /** Where all runs are. */
  namespace: string;
  templates: Templates;
  /** Holds what a pod is given of its ServiceAccount, one that may do everything. */
  accountFolder: string;
  signal: AbortSignal;
}

export interface StageOptions {
  directory: string;
  env: Record<string, string | undefined>;
  signal: AbortSignal;
  log: (line: string) => void;
}

/** Starts etcd and an API server, and takes the objects that all contenders create from one run of the docs operator. */
export async function setStage({ directory, env, signal, log }: StageOptions): Promise<Stage & AsyncDisposable> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const binaries = await getBinaries({ env, signal, log });
  const controlPlane = await startControlPlane({
    directory,
    binaries,
    signal,
    env,
    settings: {
      // No other writer: a Job controller would write Jobs and Pods at times of its own.
      components: ["etcd", "kube-apiserver"],
      auditPolicy: templateAuditPolicy,
      furtherArgs: {
        etcd: ["--quota-backend-bytes=8589934592"],
        "kube-apiserver": ["--etcd-compaction-interval=1m"],
      },
    },
  });
  const connection = await loadConnection({ kubeconfig: controlPlane.kubeconfig, env: {} });
  const client = new KubernetesClient({ connection, userAgent: "bench", timeoutMs: 300_000 });
  const end = async (): Promise<void> => {
    await client.close();
    await controlPlane.stop({ graceMs: 0 });
  };
  try {
    const kubectl = ["--kubeconfig", controlPlane.kubeconfig];
    await run(controlPlane.kubectl, [...kubectl, "apply", "--server-side", "-k", definitions], { signal });
    const established = ["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"];
    await run(controlPlane.kubectl, [...kubectl, ...established], { signal });
    const accountFolder = join(directory, "account");
    const bare = { directory, controlPlane, client, signal, accountFolder };
    await makeAccount(bare);
    const folder = join(directory, "templates");
    const stage = await namespaced(bare, "bench-templates", { folder, runningStatus: {}, endedStatus: {} });
    const templates = await recordTemplates(stage);
    return { ...(await namespaced(bare, "bench", templates)), [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

type Bare = Omit<Stage, "namespace" | "templates">;

async function makeAccount({ client, controlPlane, accountFolder, signal }: Bare): Promise<void> {
  const account = { kind: "ServiceAccount", namespace: "kube-system", name: "bench" };
  const { namespace, name } = account;
  await client.create(
    resources.serviceAccounts,
    { apiVersion: "v1", kind: account.kind, metadata: { namespace, name } },
    { signal },
  );
  await client.request({
    method: "POST",
    path: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    body: {
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
      subjects: [account],
    },
    signal,
  });
  const { status } = await client.request<{ status: { token: string } }>({
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
    body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 86_400 } },
    signal,
  });
  await mkdir(accountFolder);
  await copyFile(controlPlane.caFile, join(accountFolder, "ca.crt"));
  await writeFile(join(accountFolder, "namespace"), namespace);
  await writeFile(join(accountFolder, "token"), status.token, { mode: 0o600 });
}

/** Makes the namespace, and the ServiceAccount that a controller would make in it. */
async function namespaced(bare: Bare, namespace: string, templates: Templates): Promise<Stage> {
  const { client, signal } = bare;
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { namespace, name: "default" } };
  await client.create(
    resources.namespaces,
    { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
    { signal },
  );
  await client.create(resources.serviceAccounts, account, { signal }).catch((error: unknown) => {
    if (!isApiError(error, "AlreadyExists")) throw error;
  });
  return { ...bare, namespace, templates };
}
