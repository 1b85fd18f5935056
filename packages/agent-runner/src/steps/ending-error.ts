import type { Verdict } from "@orchestrator/core/pure";
import { InvalidInputError } from "../tasks/invalid-input.ts";

/** The run ends here, for a reason that has a name. */
export class EndingError extends Error {
  override readonly name = "EndingError";
  readonly verdict: Verdict;

  constructor(verdict: Verdict, options?: ErrorOptions) {
    super("The run cannot go on", options);
    this.verdict = verdict;
  }
}

/** The verdict that an error stands for; undefined for errors of the program itself. */
export function verdictOf(error: unknown): Verdict | undefined {
  if (error instanceof EndingError) return error.verdict;
  if (error instanceof InvalidInputError) return { reason: "InvalidInput", message: error.explanation };
  return undefined;
}
