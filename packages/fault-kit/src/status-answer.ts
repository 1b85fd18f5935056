import type { RefusedStatus } from "./fault.ts";

const reasons: Readonly<Record<RefusedStatus | 404, string>> = {
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

export interface StatusAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** What an API server answers that refuses a request. */
export function statusAnswer(code: RefusedStatus | 404, retryAfterSeconds?: number): StatusAnswer {
  const retry = retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) };
  const body = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: `a fault of the test: ${reasons[code]}`,
    reason: reasons[code],
    code,
  };
  return { status: code, headers: { "content-type": "application/json", ...retry }, body: JSON.stringify(body) };
}
