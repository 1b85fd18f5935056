import {
  type KubernetesClient,
  type KubernetesObject,
  type PersistentVolume,
  type ResourceType,
  resources,
  unlessNotFound,
} from "@orchestrator/controller-runtime";
import type { FindSource, SourceKind } from "../environment.ts";
import type { Pod } from "../pod.ts";

/** Reads what pods refer to from the API server. */
export class ClusterSources {
  readonly #client: KubernetesClient;

  constructor(client: KubernetesClient) {
    this.#client = client;
  }

  /** Values of a ConfigMap or Secret by key; undefined when there is none. */
  async data(
    kind: SourceKind,
    key: { namespace: string; name: string },
    signal: AbortSignal,
  ): Promise<Map<string, Buffer> | undefined> {
    if (kind === "Secret") {
      const secret = await this.#find(resources.secrets, key, signal);
      return secret && decode(secret.data, "base64");
    }
    const configMap = await this.#find(resources.configMaps, key, signal);
    return configMap && new Map([...decode(configMap.data, "utf8"), ...decode(configMap.binaryData, "base64")]);
  }

  /** The same as texts, for variables of the containers of a namespace. */
  textsOf(namespace: string, signal: AbortSignal): FindSource {
    return async (kind, name) => {
      const data = await this.data(kind, { namespace, name }, signal);
      return data && new Map([...data].map(([key, value]) => [key, value.toString("utf8")]));
    };
  }

  /** The volume that a claim is bound to; undefined when there is no such claim or it is not bound yet. */
  async claimedVolume(
    key: { namespace: string; name: string },
    signal: AbortSignal,
  ): Promise<PersistentVolume | undefined> {
    const claim = await this.#find(resources.persistentVolumeClaims, key, signal);
    if (claim?.status?.phase !== "Bound" || claim.spec.volumeName === undefined) return undefined;
    return this.#find(resources.persistentVolumes, { name: claim.spec.volumeName }, signal);
  }

  /** A token of the pod's ServiceAccount that is bound to the pod. */
  async serviceAccountToken(
    pod: Pod,
    request: { audience?: string; expirationSeconds: number },
    signal: AbortSignal,
  ): Promise<{ token: string; expiresAt: number }> {
    const { name, namespace = "", uid } = pod.metadata;
    const account = pod.spec.serviceAccountName ?? "default";
    const { status } = await this.#client.request<{ status: { token: string; expirationTimestamp: string } }>({
      method: "POST",
      path: `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
      body: {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: {
          ...(request.audience === undefined ? {} : { audiences: [request.audience] }),
          expirationSeconds: request.expirationSeconds,
          boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
        },
      },
      signal,
    });
    return { token: status.token, expiresAt: Date.parse(status.expirationTimestamp) };
  }

  async #find<T extends KubernetesObject>(
    type: ResourceType<T>,
    key: { namespace?: string; name: string },
    signal: AbortSignal,
  ): Promise<T | undefined> {
    return await unlessNotFound(this.#client.get(type, key, { signal }));
  }
}

function decode(data: Record<string, string> | undefined, encoding: "base64" | "utf8"): Map<string, Buffer> {
  return new Map(Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, encoding)]));
}
