import { reasons, type ReasonClass } from "@orchestrator/core";
import { type Executed, finalPhase, finalReason, toldOf } from "./execute.ts";
import { stableText } from "./stable-text.ts";

/** What a reader finds under each class, in the order of the page. */
const classes: Readonly<Record<ReasonClass, string>> = {
  success: "Everything that was asked for is delivered. The run ends as Succeeded.",
  infrastructure:
    "Something around the agent failed. A new attempt is made, up to `spec.retryConfig.maxInfrastructureRetries` (3) a round; once the agent has begun, only where its work was kept.",
  provider:
    "The model's provider asks for patience. The run waits as long as the provider says, without a pod, and then goes on; that uses up no retry and ends at `spec.deadline`.",
  agent:
    "The agent did not do what was asked. A new attempt, told what was wrong, is made up to `spec.retryConfig.maxAgentRetries` a round (0 for documents, 1 for an implementation).",
  configuration: "Something that a person wrote has to be mended. The run ends at once, as Failed.",
  limit: "A limit that a person set is met. The run ends at once, as Failed.",
  choice: "A person ended the run.",
};

const head = `# How runs end

Each row was executed: the cause was brought about on the local cluster, with a real API server, scheduler, node, gateway, Git forge
and agent CLI, and only the model scripted. \`make endings\` executes all of them and writes this page; \`make test\` fails when it is
stale. Names, addresses and times in the messages stand for those of a run. Where the ending itself is shown, the run's
retries are set to 0. Where an agent had begun and nothing of its work could be kept, the message says so, too.
`;

/** docs/endings.md, from what was executed. */
export function endingsPage(executed: readonly Executed[]): string {
  const sections = Object.entries(classes).map(([name, what]) => {
    const rows = executed.filter(({ ending }) => reasons[ending.reason] === name).map(row);
    return [`## ${name}`, what, [...columns, ...rows].join("\n")].join("\n\n");
  });
  return `${[head.trimEnd(), ...sections].join("\n\n")}\n`;
}

const columns = ["| cause | reason | what the user reads | what follows |", "|---|---|---|---|"];

function row(executed: Executed): string {
  const { ending } = executed;
  const cells = [ending.cause, `\`${ending.reason}\``, stableText(toldOf(executed)), followed(executed)];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("<", "\\<")).join(" | ")} |`;
}

function followed({ ending, status }: Executed): string {
  const again = (status.attempts ?? []).slice(1).map(({ number }) => `attempt ${number}, then `);
  const last = finalReason(ending);
  return `${again.join("")}${finalPhase(ending)}${last === ending.reason ? "" : `: \`${last}\``}`;
}
