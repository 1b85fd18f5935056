import { RunFailure } from "../steps/run-failure.ts";

/** What the run was given cannot be worked on; waiting or trying again does not help. */
export class InvalidInputError extends RunFailure {
  override readonly name = "InvalidInputError";

  /** `message` is for the run's owner: it names the file or field. */
  constructor(message: string, options?: ErrorOptions) {
    super("InvalidInput", message, options);
  }
}
