import type { Reason, Verdict } from "@orchestrator/core/pure";

/** The run ends here, for a reason that has a name. The message is for users: it names the object and the field at fault. */
export class RunFailure extends Error {
  override readonly name: string = "RunFailure";
  readonly verdict: Verdict;

  /** `final`: another attempt cannot help, whatever the reason's class says. */
  constructor(reason: Reason, message: string, { final, ...options }: ErrorOptions & { final?: true } = {}) {
    super(message, options);
    this.verdict = { reason, message, ...(final && { final }) };
  }

  /** The failure that another program has told of. */
  static of({ reason, message, final }: Verdict): RunFailure {
    return new RunFailure(reason, message, { ...(final && { final }) });
  }
}

/** The verdict that an error stands for; undefined for errors of the program itself. */
export function verdictOf(error: unknown): Verdict | undefined {
  return error instanceof RunFailure ? error.verdict : undefined;
}
