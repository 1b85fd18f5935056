import type { EventRecorder, Logger } from "@orchestrator/controller-runtime";
import type { Pod } from "./pod.ts";

export interface PodEvent {
  reason: "Failed" | "FailedMount" | "Unhealthy";
  action: string;
  note: string;
}

/** Tells people about a pod by events, each different one once. */
export class PodEvents {
  readonly #recorder: EventRecorder;
  readonly #logger: Logger;
  readonly #told = new Map<string, Set<string>>();

  constructor(options: { recorder: EventRecorder; logger: Logger }) {
    this.#recorder = options.recorder;
    this.#logger = options.logger;
  }

  /** Does not wait; an event that cannot be written is only logged, for nothing depends on it. */
  tell(pod: Pod, { reason, action, note }: PodEvent, signal: AbortSignal): void {
    const { name, namespace = "", uid = "" } = pod.metadata;
    const told = this.#told.get(uid) ?? new Set();
    this.#told.set(uid, told);
    if (told.has(`${reason} ${note}`)) return;
    told.add(`${reason} ${note}`);
    const regarding = { apiVersion: "v1", kind: "Pod", namespace, name, uid };
    this.#recorder.record(regarding, { type: "Warning", reason, action, note }, signal).catch((err: unknown) => {
      if (!signal.aborted) this.#logger.debug({ err, pod: name, namespace, reason }, "event not written");
    });
  }

  /** Forgets what was told about a pod that is gone. */
  forget(uid: string): void {
    this.#told.delete(uid);
  }
}
