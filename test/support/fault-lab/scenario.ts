import type { Phase, Reason } from "@orchestrator/core";
import type { Actor } from "./actor.ts";
import type { KindName } from "./kind.ts";

/** A life of a run, played by a helper, and how it ends. */
export interface Scenario {
  name: string;
  kinds: readonly KindName[];
  /** Beside what every run has. */
  spec: Record<string, unknown>;
  play: (actor: Actor) => Promise<void>;
  end: { type: "ended"; phase: Phase; reason: Reason; round: number } | { type: "deleted" };
  /** The namespace lets no pod be created. */
  noPods?: true;
  /** Takes more than a few seconds, most of them waiting. */
  slow?: true;
}
