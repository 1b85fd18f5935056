import { posix } from "node:path";
import type { TaskBlock } from "@orchestrator/core/pure";
import type { AnswerBlock } from "./answer.ts";
import type { Conversation, ToolCall } from "./conversation.ts";
import { rehearseDocuments } from "./documents.ts";
import { rehearseImplementation } from "./implementation.ts";
import { label, type RehearsedFile } from "./rehearsed-file.ts";
import { type Scenario, scenarioOf } from "./scenario.ts";

type DocsBlock = Extract<TaskBlock, { kind: "DocsGenerationRun" }>;
type ImplementationBlock = Extract<TaskBlock, { kind: "TaskImplementationRun" }>;

/** A scenario, or the work as it should go. */
type Play = Scenario | "plain";

/** What the model does with one request. */
export type Reply =
  | { type: "answer"; blocks: AnswerBlock[]; slow: boolean }
  | { type: "refuse"; status: 400 | 401 | 404 | 429 | 500 | 529; retryAfterSeconds?: number }
  | { type: "hang" }
  | { type: "cut"; blocks: AnswerBlock[] };

/** Long enough for the agent to give up rather than to wait. */
const retryAfterSeconds = 120;

const faults: Readonly<Partial<Record<Play, Reply>>> = {
  "http-400": { type: "refuse", status: 400 },
  "http-401": { type: "refuse", status: 401 },
  "http-404": { type: "refuse", status: 404 },
  "http-429": { type: "refuse", status: 429, retryAfterSeconds },
  "http-429-soon": { type: "refuse", status: 429, retryAfterSeconds: 2 },
  "http-429-plain": { type: "refuse", status: 429 },
  "http-500": { type: "refuse", status: 500 },
  "http-529": { type: "refuse", status: 529 },
  hang: { type: "hang" },
};

/**
 * The next step of a session, decided from the conversation alone unless a scenario is given.
 * @throws RangeError for an unknown scenario
 */
export function nextReply(conversation: Conversation, given?: Scenario): Reply {
  const scenario = given ?? scenarioOf(conversation.prompt) ?? "plain";
  const fault = faults[scenario];
  if (fault !== undefined) return fault;
  const blocks = work(conversation, scenario);
  return scenario === "cut-mid-stream"
    ? { type: "cut", blocks }
    : { type: "answer", blocks, slow: scenario === "slow" };
}

const manyTurns = 50;
const looks: Readonly<Partial<Record<Play, number>>> = { "many-turns": manyTurns };

const commands: Readonly<Partial<Record<Play, string>>> = {
  oom: `node -e 'const kept = []; const grow = () => { kept.push(Buffer.alloc(16777216, 1)); if (kept.length < 128) setTimeout(grow, 20); else setTimeout(() => {}, 60000); }; grow()'`,
  "kill-agent": "kill -9 $PPID",
};

function work(conversation: Conversation, scenario: Play): AnswerBlock[] {
  const { task, calls } = conversation;
  if (task === undefined) return [text("This is the rehearsal model. The prompt holds no task for it.")];
  if (calls.length < (looks[scenario] ?? 1)) {
    return [text(`Rehearsing task ${task.task.id}: looking around.`), lookAround(task.kind)];
  }
  if (task.kind === "DocsGenerationRun") return writeOrEnd(documents(task, scenario, conversation), conversation);
  const command = commands[scenario];
  if (command !== undefined && !ran(calls, command)) return [bash(command, "Rehearse a failure")];
  if (scenario === "nothing") return [text("Rehearsal: nothing had to be changed.")];
  const extra = extraFile(task, scenario);
  if (extra !== undefined) return writeOrEnd([extra], conversation);
  return (
    mendOr(scenario, task, conversation) ??
    implement(rehearseImplementation(task, roundOf(conversation), conversation.tasks), conversation)
  );
}

/** The one file that some scenarios write. */
function extraFile({ workingDirectory, serviceName }: ImplementationBlock, scenario: Play): RehearsedFile | undefined {
  const path = (name: string): string => posix.join(workingDirectory, "services", serviceName, name);
  // Put together here, so that this file does not look as if it held one.
  if (scenario === "secret") return { path: path("deploy.env"), content: `TOKEN=${"ghp_".padEnd(40, "x1")}\n` };
  return scenario === "ignored-file" ? { path: path("ignored.log"), content: `${label}\n` } : undefined;
}

function documents(task: DocsBlock, scenario: Play, { prompt }: Conversation): RehearsedFile[] {
  if (scenario !== "no-files-at-first") return rehearseDocuments(task, scenario);
  return rehearseDocuments(task, prompt.includes("An earlier attempt at this task") ? "plain" : "no-files");
}

/** The file that a verification has missed, once it has. */
function mendOr(scenario: Play, task: ImplementationBlock, conversation: Conversation): AnswerBlock[] | undefined {
  if (scenario !== "fails-verification-at-first" || !conversation.prompt.includes("# Verification failed"))
    return undefined;
  const path = posix.join(task.workingDirectory, "services", task.serviceName, "checked.txt");
  const open = writesLeft([{ path, content: `${label}\n` }], conversation);
  return open.length > 0 ? open : [text("Rehearsal: wrote what the verification missed.")];
}

function lookAround(kind: "DocsGenerationRun" | "TaskImplementationRun"): AnswerBlock {
  return kind === "DocsGenerationRun"
    ? { type: "tool_use", name: "Glob", input: { pattern: "*" } }
    : bash("git status --short", "See what is there");
}

/** As the last prompt states it. */
function roundOf({ prompt }: Conversation): number {
  return Number(/[\s\S]*^# Round (\d+)$/m.exec(prompt)?.[1] ?? 1);
}

function implement(
  { files, test }: { files: RehearsedFile[]; test: RehearsedFile },
  conversation: Conversation,
): AnswerBlock[] {
  const open = writesLeft(files, conversation);
  const command = `node --test ${shellWord(test.path)}`;
  if (open.length > 0) return [text("Rehearsal: writing a module and its test."), ...open];
  if (!ran(conversation.calls, command)) return [bash(command, "Run the test")];
  return [text("Rehearsal: wrote a module and its test, and ran the test.")];
}

function writeOrEnd(files: RehearsedFile[], conversation: Conversation): AnswerBlock[] {
  const open = writesLeft(files, conversation);
  if (open.length > 0) return [text("Rehearsal: writing."), ...open];
  return [text("Rehearsal: nothing is left to write.")];
}

/** Calls for each file that has not been tried yet; what the agent was refused once it is refused again. */
function writesLeft(files: RehearsedFile[], { calls, cwd }: Conversation): AnswerBlock[] {
  return files
    .map(({ path, content }) => ({ file_path: cwd === undefined ? path : posix.join(cwd, path), content }))
    .filter(({ file_path }) => !calls.some(({ input }) => input["file_path"] === file_path))
    .map((input) => ({ type: "tool_use", name: "Write", input }));
}

function ran(calls: readonly ToolCall[], command: string): boolean {
  return calls.some(({ input }) => input["command"] === command);
}

function bash(command: string, description: string): AnswerBlock {
  return { type: "tool_use", name: "Bash", input: { command, description } };
}

function text(value: string): AnswerBlock {
  return { type: "text", text: value };
}

function shellWord(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
