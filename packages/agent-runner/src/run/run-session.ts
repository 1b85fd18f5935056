import { type Door, inputFiles, type ProgressLine, type RunInputs, type Verdict } from "@orchestrator/core/pure";
import { join } from "node:path";
import type { PlannedSession, SessionRecord } from "../steps/step-files.ts";
import type { Step } from "../steps/step-options.ts";
import { agentArguments, agentEnvironment, type AgentCommandOptions } from "./agent-command.ts";
import { judgeSession } from "./judge-session.ts";
import { type ProcessEnd, type ProcessOptions, runProcess } from "./run-process.ts";
import { sessionId } from "./session-id.ts";
import { advance, newSession, type SessionState } from "./session-state.ts";
import { readStreamLine } from "./stream-message.ts";
import { exists } from "../steps/optional-file.ts";

/** Why a session is told to stop before its end. */
export type StopReason = { type: "verdict"; verdict: Verdict } | { type: "interrupted" } | { type: "answered" };

/** A timer that is set for longer goes off at once. */
export const longestTimer = 2 ** 31 - 1;

/** Milliseconds that an agent has to end by itself. A pod that is told to stop gives it longer, and hands in after that. */
export function graceMs({ type }: StopReason): number {
  return type === "interrupted" ? 30_000 : 10_000;
}

export interface SessionOptions {
  step: Step;
  inputs: RunInputs;
  door: Door;
  settings: AgentCommandOptions["settings"];
  session: PlannedSession;
  /** Absent: as many turns as it takes. */
  maxTurns?: number | undefined;
  /** Its reason is a `StopReason`. */
  signal: AbortSignal;
  progress: (line: Omit<ProgressLine, "time">) => void;
  /** The program. Default: `claude`. */
  command?: string;
  /** Milliseconds that an agent which has given its result has to exit. Default: 60,000. */
  resultGraceMs?: number;
}

/** Runs one agent session to its end and says how it ended. Throws nothing about the agent: that is in the record. */
export async function runSession(options: SessionOptions): Promise<SessionRecord> {
  const { inputs, session, settings } = options;
  const id = session.resume ?? sessionId({ runUid: inputs.uid, attempt: inputs.attempt, taskId: session.taskId });
  const stop = new AbortController();
  let state = newSession;
  let timer: NodeJS.Timeout | undefined;
  const onLine = (line: string): void => {
    const message = readStreamLine(line);
    if (message === undefined) return;
    const next = advance(state, message, { permissionMode: settings.permissions.defaultMode });
    state = next.state;
    next.progress.forEach(options.progress);
    if (next.stop !== undefined) stop.abort({ type: "verdict", verdict: next.stop } satisfies StopReason);
    if (message.type === "result") {
      clearTimeout(timer);
      const answered: StopReason = { type: "answered" };
      timer = setTimeout(() => stop.abort(answered), options.resultGraceMs ?? 60_000);
    }
  };
  const stallMs = inputs.stallTimeoutSeconds * 1000;
  const stall = setTimeout(() => stop.abort(stalled(inputs)), Math.min(stallMs, longestTimer));
  const signal = AbortSignal.any([options.signal, stop.signal]);
  try {
    const end = await startAgent(options, id, { signal, onLine, onOutput: () => stall.refresh() });
    return recordOf(session.taskId, id, state, signal, end);
  } finally {
    clearTimeout(stall);
    clearTimeout(timer);
  }
}

function stalled({ stallTimeoutSeconds }: RunInputs): StopReason {
  const message = `The agent gave no output for ${stallTimeoutSeconds} s`;
  return { type: "verdict", verdict: { reason: "Stalled", message } };
}

async function startAgent(
  { step, inputs, door, settings, session, maxTurns, command = "claude" }: SessionOptions,
  id: string,
  watch: Pick<ProcessOptions, "signal" | "onLine" | "onOutput">,
): Promise<ProcessEnd | Verdict> {
  const { paths, env } = step;
  const mcpServers = await exists(join(paths.inputs, inputFiles.mcpServers));
  const docs = inputs.kind === "DocsGenerationRun";
  try {
    return await runProcess({
      command,
      args: agentArguments({
        settings,
        paths,
        model: inputs.model,
        session: { id, continued: session.resume !== undefined },
        maxTurns,
        mcpServers,
      }),
      env: agentEnvironment({ env, paths, door, ...(docs && { taskId: session.taskId }) }),
      directory: paths.repository,
      stdinFile: session.promptFile,
      graceMs: (reason) => graceMs(reason as StopReason),
      ...watch,
    });
  } catch (error) {
    if (!(error instanceof Error && "syscall" in error && String(error.syscall).startsWith("spawn"))) throw error;
    const message = `The image has no program ${command} that can be started (${error.message})`;
    return { reason: "AgentMissing", message };
  }
}

function recordOf(
  taskId: number,
  id: string,
  state: SessionState,
  signal: AbortSignal,
  end: ProcessEnd | Verdict,
): SessionRecord {
  const facts = {
    taskId,
    sessionId: id,
    turns: state.turns.size,
    ...(state.agentVersion !== undefined && { agentVersion: state.agentVersion }),
    ...(typeof state.result?.total_cost_usd === "number" && { costUsd: state.result.total_cost_usd }),
  };
  if ("reason" in end) return { ...facts, interrupted: false, verdict: end };
  const stopped = signal.aborted ? (signal.reason as StopReason) : undefined;
  const verdict = judgeEnd(stopped, end, state);
  return {
    ...facts,
    interrupted: stopped?.type === "interrupted",
    ...(end.exitCode !== null && { exitCode: end.exitCode }),
    ...(verdict !== undefined && { verdict }),
  };
}

function judgeEnd(stopped: StopReason | undefined, end: ProcessEnd, { result }: SessionState): Verdict | undefined {
  switch (stopped?.type) {
    case "verdict":
      return stopped.verdict;
    case "interrupted":
      return undefined;
    case "answered":
      // It was stopped only because it did not exit by itself.
      return judgeSession({ ...end, exitCode: 0, signal: null, result });
    case undefined:
      return judgeSession({ ...end, result });
  }
}
