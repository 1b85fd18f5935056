/** What the run was given cannot be worked on; waiting or trying again does not help. */
export class InvalidInputError extends Error {
  override readonly name = "InvalidInputError";
  /** For the run's owner: names the file or field and the cure. */
  readonly explanation: string;

  constructor(explanation: string, options?: ErrorOptions) {
    super("The run's input cannot be used", options);
    this.explanation = explanation;
  }
}
