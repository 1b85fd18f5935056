import {
  isApiError,
  type KubernetesClient,
  type PersistentVolumeClaim,
  resources,
} from "@orchestrator/controller-runtime";
import { type ClaimView, isWorkspaceOf } from "./workspace.ts";

const type = resources.persistentVolumeClaims;

/** `notYet`: the claim is another than was seen; `foreign`: it is no workspace of ours. */
export type Taking = { result: "taken"; claim: PersistentVolumeClaim } | { result: "notYet" | "foreign" };

/**
 * Makes the claim with its holder in it, or names the holder on the claim as it was seen.
 *
 * @throws ApiError where the claim is refused
 */
export async function takeWorkspace(
  client: Pick<KubernetesClient, "create" | "get" | "patch">,
  wanted: PersistentVolumeClaim,
  seen: ClaimView | undefined,
  signal: AbortSignal,
): Promise<Taking> {
  const { namespace = "", name, annotations } = wanted.metadata;
  try {
    if (seen === undefined) return { result: "taken", claim: await client.create(type, wanted, { signal }) };
    const patch = { metadata: { resourceVersion: seen.resourceVersion, annotations } };
    const claim = await client.patch(type, { namespace, name }, patch, { type: "merge", signal });
    return { result: "taken", claim };
  } catch (error) {
    if (isApiError(error, "Conflict") || isApiError(error, "NotFound")) return { result: "notYet" };
    if (!isApiError(error, "AlreadyExists")) throw error;
  }
  const existing = await client.get(type, { namespace, name }, { signal });
  return { result: isWorkspaceOf(existing, wanted) ? "notYet" : "foreign" };
}
