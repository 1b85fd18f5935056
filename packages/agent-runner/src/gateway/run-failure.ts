import type { Reason, Verdict } from "@orchestrator/core/pure";

/** An ending of the run that the gateway can name. The message is for users: it names the object, the field and the cure. */
export class RunFailure extends Error {
  override readonly name = "RunFailure";
  readonly verdict: Verdict;

  /** `final`: another attempt cannot help, whatever the reason's class says. */
  constructor(reason: Reason, message: string, { final, ...options }: ErrorOptions & { final?: true } = {}) {
    super(message, options);
    this.verdict = { reason, message, ...(final && { final }) };
  }
}
