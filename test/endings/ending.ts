import type { Reason, RunObject } from "@orchestrator/core";
import type { Scene } from "./scene.ts";
import type { Stage } from "./stage.ts";

/** One way for a run to end, and how it is brought about for real. */
export interface Ending {
  /** Of the run and of its repository in the forge; a DNS label. */
  name: string;
  /** What happened to the run, as docs/endings.md tells it. */
  cause: string;
  /** How its first attempt ends. */
  reason: Reason;
  /** How each attempt ends; none where the run could not be begun. Default: `reason` alone. */
  attempts?: readonly Reason[];
  /** How the run ends. Default: as its last attempt. */
  endsAs?: Reason;
  /** What the reader of the status must be told. */
  tells: readonly (string | RegExp)[];
  /** The run, as somebody would write it, with everything that it needs. */
  run: (stage: Stage, name: string) => Promise<RunObject>;
  /** Brings the cause about once the run is there, where the run alone does not. */
  meanwhile?: (scene: Scene) => Promise<void>;
  /** What else holds when all is over. */
  afterwards?: (scene: Scene) => Promise<void>;
}
