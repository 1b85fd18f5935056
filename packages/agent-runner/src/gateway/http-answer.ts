import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

/** The token that a request shows as `x-api-key`, Bearer, or password of Basic; undefined when it shows none. */
export function shownToken(request: IncomingMessage): string | undefined {
  const key = request.headers["x-api-key"];
  if (typeof key === "string") return key;
  const [, scheme, value = ""] = /^(bearer|basic) (.*)$/i.exec(request.headers.authorization ?? "") ?? [];
  if (scheme?.toLowerCase() === "basic")
    return Buffer.from(value, "base64")
      .toString("utf8")
      .replace(/^[^:]*:/, "");
  return scheme === undefined ? undefined : value;
}

/** Compares without telling by its duration how much is right. */
export function sameToken(shown: string | undefined, token: string): boolean {
  const [a, b] = [Buffer.from(shown ?? ""), Buffer.from(token)];
  return a.length === b.length && timingSafeEqual(a, b);
}
