/** A setting or a field holds something that cannot be worked with. Never retryable: a person has to mend it. */
export class InvalidConfig extends Error {
  override readonly name = "InvalidConfig";
  readonly kind = "InvalidConfig";
  readonly retryable = false;
  /** What holds the field: `environment`, `DocsGenerationRun team-a/docs`. */
  readonly object: string;
  readonly field: string;

  private constructor(message: string, object: string, field: string, cause: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.object = object;
    this.field = field;
  }

  /** `cure` is a clause that says what to write instead: `must be a number of seconds`. */
  static field(options: { object: string; field: string; cure: string; cause?: unknown }): InvalidConfig {
    const { object, field, cure, cause } = options;
    return new InvalidConfig(`${field} of ${object} ${cure}`, object, field, cause);
  }
}
