import type { KubernetesObject } from "../kubernetes-object.ts";
import type { KubernetesClient } from "./kubernetes-client.ts";

/** What a reconcile asks of the API. */
export type ReconcileClient = Pick<KubernetesClient, "get" | "list" | "create" | "patch" | "delete">;

/**
 * A client that calls `check` before each write and does not make it where that throws. A process that was stopped for a
 * while goes on where it stood, before any of its timers goes off: the answer to one write must not bring about the next.
 */
export function fencedClient(client: ReconcileClient, check: () => void): ReconcileClient {
  return {
    get: (type, key, options) => client.get(type, key, options),
    list: (type, options) => client.list(type, options),
    create: async <T extends KubernetesObject>(...[type, object, options]: Parameters<typeof client.create<T>>) => {
      check();
      return await client.create(type, object, options);
    },
    patch: async <T extends KubernetesObject>(...[type, key, patch, options]: Parameters<typeof client.patch<T>>) => {
      check();
      return await client.patch(type, key, patch, options);
    },
    delete: async <T extends KubernetesObject>(...[type, key, options]: Parameters<typeof client.delete<T>>) => {
      check();
      return await client.delete(type, key, options);
    },
  };
}
