import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { KubernetesClient, loadConnection } from "@orchestrator/controller-runtime";
import { inject } from "vitest";
import { waitFor } from "./wait.ts";

/** The one cluster that all behaviour tests share. */
export interface TestCluster {
  /** Of this run alone; logs of the components are in `logs/`. */
  directory: string;
  server: string;
  /** Path of the administrator's kubeconfig. */
  kubeconfig: string;
  caFile: string;
  /** PEM files of a server certificate for 127.0.0.1, signed by the cluster's authority. */
  serverCertificate: { certFile: string; keyFile: string };
  /** Path; one JSON object a line, written before the request is answered. */
  auditLog: string;
  /** Path of the program. */
  kubectl: string;
  /** The accounts and rights of the operators, as `deploy/overlays/namespaced` renders them. */
  grants: Grant[];
}

export interface Grant {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
  subjects?: { namespace?: string }[];
}

declare module "vitest" {
  interface ProvidedContext {
    cluster: TestCluster;
  }
}

/** A client with the administrator's rights; close it when the test is done. */
export async function adminClient(cluster: TestCluster = inject("cluster")): Promise<KubernetesClient> {
  const connection = await loadConnection({ kubeconfig: cluster.kubeconfig, env: {} });
  return new KubernetesClient({ connection, userAgent: "behaviour-test" });
}

export interface KubectlResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the real kubectl, as the administrator unless another kubeconfig is given. A failure is a result, too. */
export function kubectl(
  args: string[],
  options: { input?: string; kubeconfig?: string; cluster?: Pick<TestCluster, "kubectl" | "kubeconfig"> } = {},
): Promise<KubectlResult> {
  const cluster = options.cluster ?? inject("cluster");
  const env = { KUBECONFIG: options.kubeconfig ?? cluster.kubeconfig, HOME: "/nonexistent", PATH: process.env["PATH"] };
  return new Promise((resolve, reject) => {
    const child = execFile(cluster.kubectl, args, { env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code !== "number") reject(error ?? new Error("kubectl ended without an exit code"));
      else resolve({ code, stdout, stderr });
    });
    child.stdin?.end(options.input ?? "");
  });
}

/** Like {@link kubectl}, for commands that must succeed; answers what was printed. */
export async function kubectlOk(args: string[], options: Parameters<typeof kubectl>[1] = {}): Promise<string> {
  const { code, stdout, stderr } = await kubectl(args, options);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

/** Waits until every CustomResourceDefinition is served. `kubectl wait` itself fails on one that has no status yet. */
export async function definitionsServed(cluster: Pick<TestCluster, "kubectl" | "kubeconfig">): Promise<void> {
  const args = ["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"];
  await waitFor("the CustomResourceDefinitions to be served", async () => ({
    done: await kubectlOk(args, { cluster }),
  }));
}

/** PEM texts of a server certificate that everything in the cluster trusts, for a forge or model of the test's own. */
export async function serverTls(cluster: TestCluster = inject("cluster")): Promise<{ key: string; cert: string }> {
  const { certFile, keyFile } = cluster.serverCertificate;
  return { key: await readFile(keyFile, "utf8"), cert: await readFile(certFile, "utf8") };
}
