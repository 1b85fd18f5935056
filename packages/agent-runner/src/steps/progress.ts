import type { ProgressLine } from "@orchestrator/core/pure";
import type { Step } from "./step-options.ts";

/** Says what goes on, as one JSON line of the container's log. */
export type Progress = (line: Omit<ProgressLine, "time">) => void;

export function progressOf({ stdout, now }: Pick<Step, "stdout" | "now">): Progress {
  return (line) => {
    stdout.write(`${JSON.stringify({ time: now().toISOString(), ...line } satisfies ProgressLine)}\n`);
  };
}
