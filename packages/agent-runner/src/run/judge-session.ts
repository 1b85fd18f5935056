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
  404: "InvalidInput",
  429: "RateLimited",
};

function reasonOf(status: number, told: string): Reason {
  if (status === 402) return refusals.find((reason) => told.includes(`${reason}:`)) ?? "BudgetExceeded";
  return reasonOfStatus[status] ?? (status >= 500 ? "ModelOverloaded" : "AgentError");
}

/** Why the gateway passes nothing more on to the model. */
const refusals: readonly Reason[] = ["BudgetExceeded", "MaxTurnsReached", "InvalidInput"];

const messageLimit = 500;

/** Why a session failed; undefined when it did not. `subtype: success` alone says nothing: API failures have it too. */
export function judgeSession({ exitCode, signal, stderr, result }: SessionEnd): Verdict | undefined {
  const how = signal === null ? `exit code ${exitCode}` : `signal ${signal}`;
  if (result === undefined) {
    return { reason: "NoResult", message: cut(`The agent ended without a result (${how})${tail(stderr)}`) };
  }
  if (result.subtype === "error_max_turns") {
    const message = `The agent took all the turns it had${tail(errors(result))}`;
    return { reason: "MaxTurnsReached", message: cut(message) };
  }
  if (result.subtype !== "success") {
    return { reason: "AgentError", message: cut(`The agent ended with ${result.subtype}${tail(errors(result))}`) };
  }
  if (result.is_error) {
    const reason = reasonOf(result.api_error_status ?? 0, result.result ?? "");
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
