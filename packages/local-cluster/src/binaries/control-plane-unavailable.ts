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
    const tried = reasons.map(({ source, why }) => `  ${source}: ${why}`).join("\n");
    super(
      `No way to get ${program} ${version}. Any one of these is enough: KUBEBUILDER_ASSETS naming a folder that holds it, ` +
        `a filled cache, a network that reaches the official release, or Go with its module proxy.\n${tried}`,
    );
    this.program = program;
  }
}
