import { writeFile } from "node:fs/promises";
import { progressOf } from "../steps/progress.ts";
import { type DeliveryAnswer, readStepFile, stepFiles } from "../steps/step-files.ts";
import { type StepOptions, withDefaults } from "../steps/step-options.ts";
import { agentReport, encodeAgentReport } from "./agent-report.ts";

/**
 * Writes the agent container's termination message from what the steps left. Resolves to 0 when everything asked for
 * was delivered or is up to date, else to 1: the container's exit code.
 */
export async function report(options: StepOptions): Promise<number> {
  const step = withDefaults(options);
  const { paths } = step;
  const verdict = await readStepFile(paths, stepFiles.verdict);
  const sessions = (await readStepFile(paths, stepFiles.sessions)) ?? [];
  const verification = await readStepFile(paths, stepFiles.verification);
  const delivery = await readStepFile(paths, stepFiles.delivery);
  await writeFile(paths.terminationMessage, encodeAgentReport(agentReport({ verdict, sessions, verification })));
  const delivered = isDelivered(delivery);
  progressOf(step)({
    step: "report",
    message: delivered ? "Everything was handed in" : "Not everything was handed in",
  });
  return delivered ? 0 : 1;
}

function isDelivered(answer: DeliveryAnswer | undefined): boolean {
  if (answer === undefined || "verdict" in answer) return false;
  return answer.delivery.outcome === "Delivered" || answer.delivery.outcome === "UpToDate";
}
