import { randomBytes } from "node:crypto";
import { type KubernetesClient, isApiError, resources } from "@orchestrator/controller-runtime";
import { waitFor } from "./wait.ts";

/** A namespace of the test's own; `await using` removes it at the end of the test. */
export interface TestNamespace extends AsyncDisposable {
  name: string;
  /** Begins its removal, without waiting for it. */
  delete(): Promise<void>;
}

/** Makes a namespace with a name of its own, in which pods can be created at once. */
export async function createNamespace(client: KubernetesClient, prefix = "test"): Promise<TestNamespace> {
  const name = `${prefix}-${randomBytes(4).toString("hex")}`;
  const signal = AbortSignal.timeout(30_000);
  await client.create(resources.namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name } }, { signal });
  await waitFor(`the default ServiceAccount of ${name}`, async (signal) => {
    try {
      return { done: await client.get(resources.serviceAccounts, { namespace: name, name: "default" }, { signal }) };
    } catch (error) {
      if (!isApiError(error, "NotFound")) throw error;
      return { pending: error.reason };
    }
  });
  const remove = async (): Promise<void> => {
    await client.delete(resources.namespaces, { name }, { signal: AbortSignal.timeout(30_000) });
  };
  return { name, delete: remove, [Symbol.asyncDispose]: remove };
}
