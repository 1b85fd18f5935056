/** A template cannot be read, compiled or rendered. Never retryable: the same template and values fail again. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
  readonly kind = "TemplateError";
  readonly retryable = false;
  /** The template's file name. */
  readonly template: string;
  /** Name of the value at fault; undefined where the template itself is. */
  readonly value: string | undefined;

  private constructor(template: string, why: string, options: { value?: string; cause?: unknown } = {}) {
    super(`Template ${template} ${why}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.template = template;
    this.value = options.value;
  }

  static missingValue(template: string, value: string): TemplateError {
    return new TemplateError(template, `needs the value ${value}, which is not given`, { value });
  }

  /** `expected` says what the template can take in its place. */
  static unusableValue(template: string, value: string, expected: string): TemplateError {
    return new TemplateError(template, `cannot use the value ${value}: it must be ${expected}`, { value });
  }

  /** A value is put into shell without the `quote` helper. */
  static unquoted(template: string, value: string): TemplateError {
    return new TemplateError(template, `puts ${value} into shell unquoted: write {{quote ${value}}}`, { value });
  }

  static unreadable(template: string, cause: unknown): TemplateError {
    return new TemplateError(template, "cannot be read: templates/files of core must lie beside the program", {
      cause,
    });
  }

  /** The template's own text is at fault. */
  static invalid(template: string, cause: unknown): TemplateError {
    return new TemplateError(template, `is not valid: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
