import type { ApiError } from "@orchestrator/controller-runtime";

/** Answers that another try of the same request cannot change: it is wrong in itself. */
const finalStatuses: ReadonlySet<number> = new Set([400, 405, 406, 413, 415, 422]);

/** A request to the API server was refused, or was not answered. */
export class KubeError extends Error {
  override readonly name = "KubeError";
  readonly kind = "KubeError";
  /** What was being done, with the object: `create Job team-a/docs-1`. */
  readonly operation: string;
  /** HTTP status; undefined where there was no answer. */
  readonly status: number | undefined;
  /** Kubernetes' reason, such as `Conflict`; undefined where there was no answer. */
  readonly reason: string | undefined;
  /**
   * True also for 401 and 403: a token is renewed, a quota is freed and a role is granted without any change to the
   * request.
   */
  readonly retryable: boolean;

  private constructor(operation: string, why: string, cause: unknown, answer?: { status: number; reason: string }) {
    super(`Cannot ${operation}: ${why}`, { cause });
    this.operation = operation;
    this.status = answer?.status;
    this.reason = answer?.reason;
    this.retryable = answer === undefined || !finalStatuses.has(answer.status);
  }

  /** The API server answered, and refused. */
  static refused(operation: string, cause: ApiError): KubeError {
    return new KubeError(operation, cause.message, cause, { status: cause.status, reason: cause.reason });
  }

  /** No answer came. */
  static unanswered(operation: string, cause: unknown): KubeError {
    return new KubeError(operation, cause instanceof Error ? cause.message : String(cause), cause);
  }
}
