import { readFile } from "node:fs/promises";
import { inject } from "vitest";

interface AuditEntry {
  stage: string;
  verb: string;
  user: { username: string };
  objectRef?: { resource: string; subresource?: string };
}

/** What a user has asked of the API server, Leases left out: `create jobs`, `patch docsgenerationruns status` ... */
export async function requestsOf(user: string): Promise<string[]> {
  const lines = (await readFile(inject("cluster").auditLog, "utf8")).split("\n").filter((line) => line.includes(user));
  return lines
    .map((line) => JSON.parse(line) as AuditEntry)
    .filter(({ stage, user: { username } }) => stage === "ResponseComplete" && username === user)
    .map(({ verb, objectRef }) => [verb, objectRef?.resource, objectRef?.subresource].filter(Boolean).join(" "))
    .filter((request) => !request.endsWith(" leases"));
}
