import type { ConfigMap } from "../resources/objects.ts";

/** A ConfigMap as the API server would send it. */
export function configMap(
  name: string,
  resourceVersion: string,
  options: Partial<ConfigMap["metadata"]> = {},
): ConfigMap {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: "one", name, uid: `uid-${name}`, resourceVersion, ...options },
    data: { version: resourceVersion },
  };
}
