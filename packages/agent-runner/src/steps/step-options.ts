import type { Writable } from "node:stream";
import { layout } from "@orchestrator/core/pure";
import type { Paths } from "./paths.ts";

/** What a step of the pod's work is given; nothing below reads the process by itself. */
export interface StepOptions {
  /** Environment of the step; the programs that it starts inherit it, apart from what the step decides itself. */
  env: Readonly<Record<string, string | undefined>>;
  /** Arguments after the name of the mode. Default: none. */
  argv?: readonly string[];
  /** Aborted when the step is to end now. */
  signal: AbortSignal;
  /** Takes the progress lines. Default: the process's own. */
  stdout?: Writable;
  /** Default: the process's own. */
  stderr?: Writable;
  /** Default: core's `layout`. */
  paths?: Paths;
  /** Default: the system's clock. */
  now?: () => Date;
}

/** The options with their defaults in place. */
export type Step = Required<StepOptions>;

export function withDefaults(options: StepOptions): Step {
  return {
    argv: [],
    stdout: process.stdout,
    stderr: process.stderr,
    paths: layout,
    now: () => new Date(),
    ...options,
  };
}
