import { type Connection, type KubernetesClient, resources } from "@orchestrator/controller-runtime";

/** A connection as a new ServiceAccount of this namespace, which may do nothing unless a role is bound to it. */
export async function connectAsServiceAccount(
  admin: KubernetesClient,
  key: { namespace: string; name: string },
): Promise<Connection> {
  const signal = AbortSignal.timeout(30_000);
  const { namespace, name } = key;
  await admin.create(
    resources.serviceAccounts,
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { namespace, name } },
    { signal },
  );
  const answer = await admin.request<{ status: { token: string } }>({
    method: "POST",
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
    body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 3600 } },
    signal,
  });
  const { ca = "" } = await admin.connection.readCredentials();
  return {
    server: admin.connection.server,
    namespace,
    readCredentials: async () => ({ ca, authorization: `Bearer ${answer.status.token}` }),
  };
}
