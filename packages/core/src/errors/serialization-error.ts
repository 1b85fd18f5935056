import { z } from "zod";

/** Text or an object does not have the form it should have. Never retryable: the same text fails again. */
export class SerializationError extends Error {
  override readonly name = "SerializationError";
  readonly kind = "SerializationError";
  readonly retryable = false;
  /** What was read or written: `run.json`, `status of Pod team-a/x`. */
  readonly subject: string;

  private constructor(verb: string, subject: string, cause: unknown) {
    super(`Cannot ${verb} ${subject}: ${describe(cause)}`, { cause });
    this.subject = subject;
  }

  static reading(subject: string, cause: unknown): SerializationError {
    return new SerializationError("read", subject, cause);
  }

  static writing(subject: string, cause: unknown): SerializationError {
    return new SerializationError("write", subject, cause);
  }
}

function describe(cause: unknown): string {
  if (cause instanceof z.ZodError) return z.prettifyError(cause);
  return cause instanceof Error ? cause.message : String(cause);
}
