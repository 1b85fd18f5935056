import { isApiError } from "../client/api-error.ts";
import type { ReconcileClient } from "../client/fenced-client.ts";
import type { Clock } from "../clock.ts";
import { microTime } from "../micro-time.ts";
import { apiVersion } from "../resource-type.ts";
import type { ObjectReference } from "../resources/objects.ts";
import { resources } from "../resources/resources.ts";

// Below the API server's limits of 1,024 bytes and 253 characters.
const maxNoteBytes = 1000;
const maxNamePrefixLength = 200;

/** Writes events about objects, each by one create; `kubectl describe` shows them. */
export class EventRecorder {
  readonly #client: Pick<ReconcileClient, "create">;
  readonly #component: string;
  readonly #instance: string;
  readonly #clock: Clock;

  constructor(options: {
    client: Pick<ReconcileClient, "create">;
    /** The controller that reports, such as `orchestrator.io/docs-generation-operator`. */
    component: string;
    /** Which of its processes; at most 128 characters. */
    instance: string;
    clock: Clock;
  }) {
    this.#client = options.client;
    this.#component = options.component;
    this.#instance = options.instance;
    this.#clock = options.clock;
  }

  /**
   * `reason` and `action` are single words in UpperCamelCase; a `note` beyond 1,000 bytes is cut.
   * What is recorded again with the same `key`, by whatever process, stays one event; the key ends its name: at most 52 letters,
   * digits, dots and dashes. Default: every event is one of its own.
   */
  async record(
    regarding: ObjectReference,
    event: { type: "Normal" | "Warning"; reason: string; action: string; note: string; key?: string },
    signal: AbortSignal,
  ): Promise<void> {
    const type = resources.events;
    const { key } = event;
    const prefix = namePrefix(regarding.name);
    const name = key === undefined ? { name: "", generateName: prefix } : { name: `${prefix}${key}` };
    const create = this.#client.create(
      type,
      {
        apiVersion: apiVersion(type),
        kind: type.kind,
        metadata: { ...name, namespace: regarding.namespace ?? "default" },
        eventTime: microTime(this.#clock.now()),
        reportingController: this.#component,
        reportingInstance: this.#instance,
        type: event.type,
        reason: event.reason,
        action: event.action,
        note: cut(event.note, maxNoteBytes),
        regarding,
      },
      { signal },
    );
    await create.catch((error: unknown) => {
      if (key === undefined || !isApiError(error, "AlreadyExists")) throw error;
    });
  }
}

function namePrefix(name: string): string {
  return `${name.slice(0, maxNamePrefixLength).replace(/[^a-z0-9]+$/, "")}-`;
}

function cut(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  const ellipsis = "…";
  let end = maxBytes - Buffer.byteLength(ellipsis);
  const bytes = Buffer.from(text);
  // Not within a character.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString("utf8", 0, end) + ellipsis;
}
