import { formatTaskRanges, type ImplementationRunInputs, type RunInputs } from "@orchestrator/core/pure";
import type { Plan, Verification } from "../steps/step-files.ts";

/** What a commit and a pull request say. */
export interface DeliveryText {
  /** At most 200 characters, one line. */
  title: string;
  /** Markdown. */
  body: string;
}

const titleLimit = 200;
const rangesLimit = 120;

export function describeDelivery(inputs: RunInputs, plan: Plan, verification: Verification): DeliveryText {
  const made = `Made by ${inputs.kind} \`${inputs.namespace}/${inputs.name}\` with model \`${inputs.model}\`, from branch \`${inputs.repository.branch}\`.`;
  switch (inputs.kind) {
    case "DocsGenerationRun":
      return { title: docsTitle(verification.complete), body: sections([...docsBody(plan, verification), made]) };
    case "TaskImplementationRun":
      return {
        title: oneLine(`Implement task ${inputs.taskId}: ${plan.sessions[0]?.title ?? ""}`),
        body: sections([
          `Implements task ${inputs.taskId} for service \`${inputs.serviceName}\`, done as \`${inputs.agentName}\`.`,
          ...roundOf(inputs),
          made,
        ]),
      };
  }
}

function roundOf({ round, followUp }: ImplementationRunInputs): string[] {
  if (round === 1) return [];
  const asked = followUp === undefined ? "" : `, which asked for:\n\n${quoted(followUp)}`;
  return [`As of round ${round}${asked}`];
}

function quoted(text: string): string {
  return text
    .split("\n")
    .map((line) => `> ${line}`.trimEnd())
    .join("\n");
}

function docsTitle(complete: readonly number[]): string {
  const word = complete.length === 1 ? "task" : "tasks";
  return complete.length === 0
    ? "Write documents"
    : `Write documents for ${word} ${formatTaskRanges(complete, rangesLimit)}`;
}

function docsBody(plan: Plan, { complete, failed }: Verification): string[] {
  const titles = new Map([...plan.sessions, ...plan.done].map(({ taskId, title }) => [taskId, oneLine(title)]));
  const lines = (ids: readonly number[]): string => ids.map((id) => `- ${id}: ${titles.get(id) ?? ""}`).join("\n");
  return [
    "Documents that an implementer of these tasks needs:",
    lines(complete),
    ...(failed.length === 0
      ? []
      : ["Not complete, and not part of this change:", lines(failed.map(({ taskId }) => taskId))]),
    ...(plan.upToDate.length === 0 ? [] : [`Up to date already: ${formatTaskRanges(plan.upToDate)}`]),
  ];
}

function sections(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** Without control characters, which Git and forges refuse, and without those that turn the text around them. */
function oneLine(text: string): string {
  const line = text.replaceAll(/[\s\p{Cc}\p{Bidi_Control}]+/gu, " ").trim();
  return line.length <= titleLimit ? line : `${line.slice(0, titleLimit - 1)}…`;
}
