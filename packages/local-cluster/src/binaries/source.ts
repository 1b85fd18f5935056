import type { Program } from "./versions.ts";

/** What a source says when it is asked for a program in the version of the chosen release. */
export type SourceAnswer = { type: "found"; path: string } | { type: "unavailable"; why: string };

/** One way to come by the programs of the control plane. */
export interface Source {
  /** As it is named to the user. */
  name: string;
  get(program: Program, signal: AbortSignal): Promise<SourceAnswer>;
}

/** Told of progress, a line at a time. */
export type Log = (line: string) => void;
