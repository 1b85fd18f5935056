import type { ObjectKey } from "../kubernetes-object.ts";

/** What is to happen with a key after a reconcile: nothing until something changes, or another look at a known time. */
export type ReconcileResult = { type: "awaitChange" } | { type: "requeueAfter"; milliseconds: number };

/**
 * Brings one object closer to what is asked for. It is given a key and never an event: it looks at what is so now.
 * The signal aborts when the work must be given up (leadership lost, or the time to stop is over).
 */
export type Reconcile = (request: ObjectKey, signal: AbortSignal) => Promise<ReconcileResult>;

/** Thrown by a reconcile for which trying again cannot help; the key rests until something changes. */
export class TerminalError extends Error {
  override readonly name = "TerminalError";
}
