import type { KubernetesObject } from "../kubernetes-object.ts";

/** Only tells how far the stream has come. */
export interface WatchBookmark {
  type: "BOOKMARK";
  object: { metadata: { resourceVersion: string; annotations?: Record<string, string> } };
}

/** One line of a watch. Errors sent by the server are thrown as `ApiError`. */
export type WatchEvent<T extends KubernetesObject = KubernetesObject> =
  | { type: "ADDED" | "MODIFIED" | "DELETED"; object: T }
  | WatchBookmark;

/** Whether everything that existed has been told by now, in a watch that began with that. */
export function endsInitialEvents({ object }: WatchBookmark): boolean {
  return object.metadata.annotations?.["k8s.io/initial-events-end"] === "true";
}
