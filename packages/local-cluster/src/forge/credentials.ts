import { timingSafeEqual } from "node:crypto";

/** What an Authorization header says about its sender. */
export type Caller = "anonymous" | "owner" | "stranger";

/** Reads `Basic` (any user name, the token as password), `Bearer` and `token` alike, as GitHub does. */
export function identify(authorization: string | undefined, token: string): Caller {
  if (authorization === undefined) return "anonymous";
  const [, scheme = "", value = ""] = /^(\S+)\s+(.*)$/.exec(authorization) ?? [];
  const given =
    scheme.toLowerCase() === "basic"
      ? Buffer.from(value, "base64")
          .toString()
          .replace(/^[^:]*:/, "")
      : value;
  return equal(given, token) ? "owner" : "stranger";
}

function equal(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
