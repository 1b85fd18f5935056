import type { Reason, Verdict } from "@orchestrator/core/pure";
import type { ResultMessage } from "./stream-message.ts";

/** How the agent CLI ended. */
export interface SessionEnd {
  exitCode: number | null;
  signal: string | null;
  /** The end of what it wrote to stderr. */
  stderr: string;
  result: ResultMessage | undefined;
}

const reasonOfStatus: Readonly<Record<number, Reason>> = {
  401: "ModelAuthFailed",
  403: "ModelAuthFailed",
  429: "RateLimited",
  529: "ModelOverloaded",
};

const messageLimit = 500;

/** Why a session failed; undefined when it did not. `subtype: success` alone says nothing: API failures have it too. */
export function judgeSession({ exitCode, signal, stderr, result }: SessionEnd): Verdict | undefined {
  const how = signal === null ? `exit code ${exitCode}` : `signal ${signal}`;
  if (result === undefined) {
    return { reason: "NoResult", message: cut(`The agent ended without a result (${how})${tail(stderr)}`) };
  }
  if (result.subtype !== "success") {
    return { reason: "AgentError", message: cut(`The agent ended with ${result.subtype}${tail(errors(result))}`) };
  }
  if (result.is_error) {
    const status = result.api_error_status ?? undefined;
    const reason = (status === undefined ? undefined : reasonOfStatus[status]) ?? "AgentError";
    return { reason, message: cut(`The agent ended with an error${tail(result.result ?? "")}`) };
  }
  if (exitCode !== 0 && signal === null) {
    return { reason: "AgentError", message: cut(`The agent ended with ${how} after its result${tail(stderr)}`) };
  }
  return undefined;
}

function errors({ errors: told }: ResultMessage): string {
  return (told ?? []).map((error) => (typeof error === "string" ? error : JSON.stringify(error))).join("; ");
}

function tail(text: string): string {
  return text.trim() === "" ? "" : `: ${text.trim()}`;
}

function cut(text: string): string {
  return text.length <= messageLimit ? text : `${text.slice(0, messageLimit - 1)}…`;
}
