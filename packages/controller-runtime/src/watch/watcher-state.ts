import { isApiError } from "../client/api-error.ts";
import { BrokenLineError } from "../client/json-lines.ts";
import type { WatchEvent } from "../client/watch-event.ts";
import type { KubernetesObject } from "../kubernetes-object.ts";

type Events<T extends KubernetesObject> = AsyncGenerator<WatchEvent<T>, void, undefined>;

/**
 * How far a watcher has come. Forward: `empty`, then `streaming` or (page by page) `listing` and `listed`, then `watching`.
 * Back: a watch that ends is `listed` again; where history is lost, or a streaming list did not come to its end, all is `empty`.
 */
export type WatcherState<T extends KubernetesObject> =
  | { name: "empty" }
  /** The server sends what exists as the beginning of the watch. */
  | { name: "streaming"; events: Events<T> }
  | { name: "listing"; continueToken: string }
  | { name: "listed"; resourceVersion: string }
  | { name: "watching"; resourceVersion: string; events: Events<T> };

/** Where to go on after `error` ended a step that had come as far as `state`. */
export function stateAfterFailure<T extends KubernetesObject>(
  state: WatcherState<T>,
  error: unknown,
): Exclude<WatcherState<T>, { events: unknown }> {
  // History before this point is gone, or the stream cannot be trusted: only a new list tells what is so.
  if ((isApiError(error) && error.status === 410) || error instanceof BrokenLineError) return { name: "empty" };
  switch (state.name) {
    case "streaming":
      return { name: "empty" };
    case "watching":
      return { name: "listed", resourceVersion: state.resourceVersion };
    case "empty":
    case "listing":
    case "listed":
      return state;
  }
}

/** Whether `error` will last until somebody mends the cluster: no permission, unknown kind, bad credentials. */
export function needsMending(error: unknown): boolean {
  return isApiError(error) && [401, 403, 404].includes(error.status);
}

/** What a refused streaming list says of the next: never again where the server does not know how or has it switched off. */
export function streamsAfterRefusal(error: unknown): "failed" | "refused" | undefined {
  if (!isApiError(error)) return undefined;
  if ([400, 422].includes(error.status)) return "refused";
  // The list by pages tells which permission or kind is missing.
  return [403, 404].includes(error.status) ? "failed" : undefined;
}
