import { type Reason, reasons, type RunInputs } from "@orchestrator/core/pure";
import { keptPlace } from "../steps/upstream.ts";
import { RunFailure } from "../steps/run-failure.ts";

/** The agent had begun, and nothing of what it did can be had: it is not paid for the same again. */
export function workLost(inputs: Pick<RunInputs, "resume" | "workspace">): RunFailure {
  const previous = inputs.resume?.previous;
  const reason = previous !== undefined && Object.hasOwn(reasons, previous.reason) ? previous.reason : "AgentError";
  const told = previous === undefined ? "the attempt before did not end well" : previous.message;
  const place = inputs.workspace === undefined ? "in the repository" : keptPlace(inputs);
  const message = `${told}; the work of that attempt was not kept ${place}, so that nothing can go on from it`;
  return new RunFailure(reason as Reason, message, { final: true });
}
