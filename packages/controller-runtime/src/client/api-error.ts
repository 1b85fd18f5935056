/** What a refusal is about, as far as the server says. */
export interface StatusDetails {
  group?: string;
  kind?: string;
  name?: string;
  uid?: string;
  causes?: { reason?: string; field?: string; message?: string }[];
  retryAfterSeconds?: number;
}

/** The API server's own answer to a refused request. The message is the server's, which names the object. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** HTTP status. */
  readonly status: number;
  /** Kubernetes' reason: `NotFound`, `AlreadyExists`, `Conflict`, `Forbidden`, `Expired`, ...; `Unknown` without one. */
  readonly reason: string;
  readonly details?: StatusDetails;
  /** How long the server asks to stay away. */
  readonly retryAfterSeconds?: number;

  constructor(options: {
    status: number;
    reason: string;
    message: string;
    details?: StatusDetails | undefined;
    retryAfterSeconds?: number | undefined;
    cause?: unknown;
  }) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = options.status;
    this.reason = options.reason;
    if (options.details !== undefined) this.details = options.details;
    if (options.retryAfterSeconds !== undefined) this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Whether `error` is an answer of the API server, and (when given) has this reason. */
export function isApiError(error: unknown, reason?: string): error is ApiError {
  return error instanceof ApiError && (reason === undefined || error.reason === reason);
}

/** What the API server answers; undefined where there is no such object. */
export async function unlessNotFound<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isApiError(error, "NotFound")) return undefined;
    throw error;
  }
}

/** The API server did not answer: it is unreachable, too slow, or the connection broke. Trying again can help. */
export class ServerUnreachableError extends Error {
  override readonly name = "ServerUnreachableError";
  readonly method: string;
  readonly path: string;

  constructor(options: { server: string; method: string; path: string; cause: unknown }) {
    const { cause } = options;
    const why = cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : String(cause);
    super(`the API server at ${options.server} did not answer: ${why}`, { cause });
    this.method = options.method;
    this.path = options.path;
  }
}

interface StatusBody {
  code?: number;
  reason?: string;
  message?: string;
  details?: StatusDetails;
}

/** Reads a `Status` object, or whatever else came in its place. */
export function apiErrorOf(answer: { status: number; body: unknown; retryAfter?: string | undefined }): ApiError {
  const body = (typeof answer.body === "object" && answer.body !== null ? answer.body : {}) as StatusBody;
  const seconds = Number.parseInt(answer.retryAfter ?? "", 10);
  return new ApiError({
    status: body.code ?? answer.status,
    reason: body.reason || (reasons[answer.status] ?? "Unknown"),
    message: body.message || `the API server answered with HTTP status ${answer.status}`,
    details: body.details,
    retryAfterSeconds: Number.isNaN(seconds) ? body.details?.retryAfterSeconds : seconds,
  });
}

// Proxies and a server that is starting up answer without a Status.
const reasons: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  409: "Conflict",
  410: "Expired",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};
