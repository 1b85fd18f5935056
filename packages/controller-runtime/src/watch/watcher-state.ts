import { isApiError } from "../client/api-error.ts";
import { BrokenLineError } from "../client/json-lines.ts";

/** How far a watcher has come. */
export type WatcherState =
  | { name: "empty" }
  | { name: "listing"; continueToken: string; resourceVersion: string }
  | { name: "watching"; resourceVersion: string };

/** Where to go on after `error` ended a step that had come as far as `state`. */
export function stateAfterFailure(state: WatcherState, error: unknown): WatcherState {
  // History before this point is gone, or the stream cannot be trusted: only a new list tells what is so.
  const lost = (isApiError(error) && error.status === 410) || error instanceof BrokenLineError;
  return lost ? { name: "empty" } : state;
}

/** Whether `error` will last until somebody mends the cluster: no permission, unknown kind, bad credentials. */
export function needsMending(error: unknown): boolean {
  return isApiError(error) && [401, 403, 404].includes(error.status);
}
