/** What of a log is asked for. */
export interface LogOptions {
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  /** Only the last lines. */
  tailLines?: number;
  /** Only lines from this time on, in milliseconds since the epoch. */
  since?: number;
  limitBytes?: number;
}

/** Reads the query of a log request, as the API server sends it. */
export function parseLogOptions(query: URLSearchParams, now: number): LogOptions {
  const tailLines = wholeNumber(query.get("tailLines"));
  const sinceSeconds = wholeNumber(query.get("sinceSeconds"));
  const sinceTime = query.get("sinceTime");
  const since = sinceSeconds === undefined ? Date.parse(sinceTime ?? "") : now - sinceSeconds * 1000;
  const limitBytes = wholeNumber(query.get("limitBytes"));
  return {
    follow: query.get("follow") === "true",
    previous: query.get("previous") === "true",
    timestamps: query.get("timestamps") === "true",
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(Number.isNaN(since) ? {} : { since }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  };
}

function wholeNumber(text: string | null): number | undefined {
  return text !== null && /^[0-9]+$/.test(text) ? Number(text) : undefined;
}
