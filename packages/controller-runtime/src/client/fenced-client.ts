import type { KubernetesClient } from "./kubernetes-client.ts";

/** What a reconcile asks of the API. */
export type ReconcileClient = Pick<KubernetesClient, "get" | "list" | "create" | "patch" | "delete">;

/**
 * A client that calls `fence` before each try of a write and does not make it where that throws. A process that was stopped for
 * a while goes on where it stood, before any of its timers goes off: neither the answer to one write may bring about the next,
 * nor the end of a pause another try.
 */
export function fencedClient(client: ReconcileClient, fence: () => void): ReconcileClient {
  return {
    get: (type, key, options) => client.get(type, key, options),
    list: (type, options) => client.list(type, options),
    create: (type, object, options) => client.create(type, object, { ...options, fence }),
    patch: (type, key, patch, options) => client.patch(type, key, patch, { ...options, fence }),
    delete: (type, key, options) => client.delete(type, key, { ...options, fence }),
  };
}
