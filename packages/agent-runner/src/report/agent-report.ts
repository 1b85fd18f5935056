import { type AgentMessage, terminationMessageLimit, type Verdict } from "@orchestrator/core/pure";
import { secretKind } from "../gateway/judge/find-secrets.ts";
import { cutBytes } from "../steps/cut-bytes.ts";
import type { SessionRecord, Verification } from "../steps/step-files.ts";

/** What the steps left. */
export interface AgentFacts {
  verdict: Verdict | undefined;
  sessions: readonly SessionRecord[];
  verification: Verification | undefined;
}

/** The agent container's message, before it is cut. Details are those of the first session that failed, else the first. */
export function agentReport({ verdict, sessions, verification }: AgentFacts): AgentMessage {
  const shown = sessions.find((session) => session.verdict !== undefined || session.interrupted) ?? sessions[0];
  const failed = verification?.failed ?? [];
  return {
    version: 1,
    ...(verdict !== undefined && { verdict: { ...verdict, message: withoutSecret(verdict.message) } }),
    ...(shown?.exitCode !== undefined && { exitCode: shown.exitCode }),
    ...(shown !== undefined && { sessionId: shown.sessionId }),
    ...(shown?.agentVersion !== undefined && { agentVersion: shown.agentVersion }),
    ...(failed.length > 0 && {
      failedTasks: failed.map(({ taskId, verdict: why }) => ({
        id: taskId,
        reason: why.reason,
        message: withoutSecret(why.message),
      })),
    }),
  };
}

/** A program's own words may hold what it should not have said. */
function withoutSecret(text: string): string {
  const kind = secretKind(text, []);
  return kind === undefined ? text : `What was said is not told, because it looks like it holds ${kind}`;
}

/** Bytes that the verdict's text keeps as long as anything else can be cut. */
const verdictText = 600;

/** From what is missed least to what is missed most. */
const cuts: readonly ((message: AgentMessage) => AgentMessage)[] = [
  (message) => withTaskTexts(message, 80),
  (message) => withVerdictText(message, verdictText),
  (message) => withTaskTexts(message, 0),
  withFewerTasks,
  (message) => withVerdictText(message, verdictText / 3),
];

/** JSON of at most 2,000 bytes: long texts are cut in a fixed order of importance. */
export function encodeAgentReport(message: AgentMessage): string {
  let current = message;
  for (const cut of cuts) {
    if (size(current) <= terminationMessageLimit) break;
    current = cut(current);
  }
  return JSON.stringify(current);
}

function size(message: AgentMessage): number {
  return Buffer.byteLength(JSON.stringify(message));
}

function withTaskTexts(message: AgentMessage, bytes: number): AgentMessage {
  const { failedTasks } = message;
  if (failedTasks === undefined) return message;
  const cut = failedTasks.map(({ id, reason, message: text = "" }) => ({
    id,
    reason,
    ...(bytes > 0 && { message: cutBytes(text, bytes) }),
  }));
  return { ...message, failedTasks: cut };
}

function withVerdictText(message: AgentMessage, bytes: number): AgentMessage {
  if (message.verdict === undefined) return message;
  return { ...message, verdict: { ...message.verdict, message: cutBytes(message.verdict.message, bytes) } };
}

function withFewerTasks(message: AgentMessage): AgentMessage {
  const failedTasks = [...(message.failedTasks ?? [])];
  while (failedTasks.length > 0 && size({ ...message, failedTasks }) > terminationMessageLimit) failedTasks.pop();
  return { ...message, failedTasks };
}
