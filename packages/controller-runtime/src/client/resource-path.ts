import { apiVersion, type ResourceType } from "../resource-type.ts";

/** The URL path of a collection, of one object, or of a subresource of it. */
export function resourcePath(
  type: ResourceType,
  target: { namespace?: string | undefined; name?: string | undefined; subresource?: string | undefined },
): string {
  const base = type.group === "" ? "/api" : "/apis";
  const parts = [base, apiVersion(type)];
  if (type.namespaced && target.namespace !== undefined) parts.push("namespaces", encodeURIComponent(target.namespace));
  parts.push(type.plural);
  if (target.name !== undefined) parts.push(encodeURIComponent(target.name));
  if (target.subresource !== undefined) parts.push(target.subresource);
  return parts.join("/");
}

/** What a query may hold; `undefined` is left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export function withQuery(path: string, query: Query | undefined): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return parameters.size === 0 ? path : `${path}?${parameters.toString()}`;
}
