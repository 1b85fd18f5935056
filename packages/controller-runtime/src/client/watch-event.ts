import type { KubernetesObject } from "../kubernetes-object.ts";

/** Only tells how far the stream has come; `initialEventsEnd` ends the first part of a streaming list. */
export interface WatchBookmark {
  type: "BOOKMARK";
  object: { metadata: { resourceVersion: string; annotations?: Record<string, string> } };
}

/** One line of a watch. Errors sent by the server are thrown as `ApiError`. */
export type WatchEvent<T extends KubernetesObject = KubernetesObject> =
  | { type: "ADDED" | "MODIFIED" | "DELETED"; object: T }
  | WatchBookmark;
