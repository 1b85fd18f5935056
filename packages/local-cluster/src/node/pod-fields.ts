import { hostAddress } from "./lifecycle/pod-status.ts";
import type { Container, Pod } from "./pod.ts";
import { parseQuantity } from "./quantity.ts";

/** Value of a `fieldRef`; undefined for a field that a node does not offer. */
export function podField(pod: Pod, path: string): string | undefined {
  const { metadata, spec } = pod;
  const entry = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (entry !== null) return metadata[entry[1] as "labels" | "annotations"]?.[entry[2] ?? ""] ?? "";
  const fields: Record<string, () => string> = {
    "metadata.name": () => metadata.name,
    "metadata.namespace": () => metadata.namespace ?? "",
    "metadata.uid": () => metadata.uid ?? "",
    "metadata.labels": () => formatMap(metadata.labels),
    "metadata.annotations": () => formatMap(metadata.annotations),
    "spec.nodeName": () => spec.nodeName ?? "",
    "spec.serviceAccountName": () => spec.serviceAccountName ?? "default",
    "status.hostIP": () => hostAddress,
    "status.hostIPs": () => hostAddress,
    "status.podIP": () => hostAddress,
    "status.podIPs": () => hostAddress,
  };
  return fields[path]?.();
}

// As the downward API writes a map into a file.
function formatMap(map: Record<string, string> = {}): string {
  return Object.keys(map)
    .toSorted()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join("\n");
}

/** Value of a `resourceFieldRef`; a limit that is not set is what the node has. */
export function resourceField(
  container: Container,
  ref: { resource: string; divisor?: string },
  allocatable: Readonly<Record<string, string>>,
): string | undefined {
  const match = /^(limits|requests)\.(cpu|memory|ephemeral-storage)$/.exec(ref.resource);
  if (match === null) return undefined;
  const [, kind, resource = ""] = match;
  const asked = container.resources?.[kind as "limits" | "requests"]?.[resource];
  const fallback = kind === "limits" ? allocatable[resource] : "0";
  const value = parseQuantity(asked ?? fallback ?? "0") ?? 0;
  const divisor = parseQuantity(ref.divisor === undefined || ref.divisor === "0" ? "1" : ref.divisor) ?? 1;
  return String(Math.ceil(value / divisor));
}
