import { isApiError, type KubernetesClient, resources, type Secret } from "@orchestrator/controller-runtime";

/** Makes a Secret in the namespace `default`, or gives the one that is there these values. */
export async function ensureSecret(
  client: KubernetesClient,
  name: string,
  values: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const data = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
  );
  const metadata = { name, namespace: "default" };
  const secret: Secret = { apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", data };
  try {
    await client.create(resources.secrets, secret, { signal });
  } catch (error) {
    if (!isApiError(error, "AlreadyExists")) throw error;
    await client.patch(resources.secrets, metadata, { data }, { type: "merge", signal });
  }
}
