import { KubernetesClient, loadConnection } from "@orchestrator/controller-runtime";

/** Does something as the administrator of the cluster that `kubeconfig` names. */
export async function asAdministrator<T>(
  kubeconfig: string,
  work: (client: KubernetesClient) => Promise<T>,
): Promise<T> {
  const connection = await loadConnection({ kubeconfig, env: {} });
  const client = new KubernetesClient({ connection, userAgent: "local-cluster" });
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
