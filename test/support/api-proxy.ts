import type { KubernetesClient } from "@orchestrator/controller-runtime";
import { type ClientCertificate, FaultProxy, type FaultProxyOptions } from "@orchestrator/fault-kit";

/** A proxy before the API server; who comes through without a token is taken for the administrator. */
export async function startApiProxy(
  admin: KubernetesClient,
  options: Partial<FaultProxyOptions> = {},
): Promise<FaultProxy> {
  const { ca, identity } = await credentialsOf(admin);
  return await FaultProxy.start({ target: admin.connection.server, ca, identity, ...options });
}

/** What opens the API server as the administrator. */
export async function credentialsOf(admin: KubernetesClient): Promise<{ ca: string; identity: ClientCertificate }> {
  const { ca = "", cert = "", key = "" } = await admin.connection.readCredentials();
  return { ca, identity: { cert, key } };
}
