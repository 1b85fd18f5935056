import type { Program } from "./versions.ts";

/** A program that no source has, and what each source said. */
export interface MissingProgram {
  program: Program;
  version: string;
  reasons: { source: string; why: string }[];
}

/** No source has a program of the control plane in the version that is needed. */
export class ControlPlaneUnavailable extends Error {
  override readonly name = "ControlPlaneUnavailable";
  readonly program: Program;

  constructor({ program, version, reasons }: MissingProgram) {
    const tried = reasons.map(({ source, why }) => `${source}: ${why}`).join("; ");
    super(`no way to get ${program} ${version}, for which one of four is enough: ${tried}`);
    this.program = program;
  }
}
