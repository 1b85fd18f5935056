import { access } from "node:fs/promises";
import { join } from "node:path";
import type { Connection } from "./connection.ts";
import { ConnectionConfigError } from "./connection-error.ts";
import { inClusterConnection } from "./in-cluster.ts";
import { kubeconfigConnection } from "./kubeconfig.ts";

/**
 * Finds the API server, in this order: `kubeconfig`, KUBECONFIG, the pod this program runs in, `~/.kube/config`.
 *
 * @throws ConnectionConfigError naming the file or variable, and the cure.
 */
export async function loadConnection(options: {
  /** One path, or several as in KUBECONFIG. */
  kubeconfig?: string | undefined;
  /** Default: the kubeconfig's current context. */
  context?: string | undefined;
  env: Readonly<Record<string, string | undefined>>;
}): Promise<Connection> {
  const { env } = options;
  const kubeconfig = options.kubeconfig ?? env["KUBECONFIG"];
  if (kubeconfig) return kubeconfigConnection(kubeconfig, options.context);
  const host = env["KUBERNETES_SERVICE_HOST"];
  if (host) return inClusterConnection({ host, port: env["KUBERNETES_SERVICE_PORT"] ?? "443" });
  const home = join(env["HOME"] ?? "/", ".kube", "config");
  if (await exists(home)) return kubeconfigConnection(home, options.context);
  throw new ConnectionConfigError(`no cluster is configured: set KUBECONFIG, or write ${home}`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
