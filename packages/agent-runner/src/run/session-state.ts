import type { ProgressLine, Verdict } from "@orchestrator/core/pure";
import type { ResultMessage, StreamMessage } from "./stream-message.ts";

/** What the runner knows of a session from its stream. */
export interface SessionState {
  agentVersion?: string;
  /** Ids of the answers of the main conversation; their number is that of its turns. */
  turns: ReadonlySet<string>;
  /** The last one counts. */
  result?: ResultMessage;
}

export const newSession: SessionState = { turns: new Set() };

/** What one message of the stream changes. */
export interface Advance {
  state: SessionState;
  progress: Omit<ProgressLine, "time">[];
  /** Why the session has to be stopped. */
  stop?: Verdict;
}

export interface Expectation {
  /** `permissions.defaultMode` of the settings that the agent was given. */
  permissionMode: string;
}

export function advance(state: SessionState, message: StreamMessage, expected: Expectation): Advance {
  switch (message.type) {
    case "system":
      return advanceSystem(state, message, expected);
    case "assistant":
      return advanceAnswer(state, message);
    case "result":
      return { state: { ...state, result: message }, progress: [] };
  }
}

function advanceSystem(
  state: SessionState,
  message: Extract<StreamMessage, { type: "system" }>,
  expected: Expectation,
): Advance {
  if (message.subtype === "init") return begin(state, message, expected);
  if (message.subtype !== "api_retry") return { state, progress: [] };
  const what = `${message.error_status ?? "no answer"} ${message.error ?? ""}`.trim();
  const retry = `The model API failed (${what}); attempt ${message.attempt ?? "?"} of ${message.max_retries ?? "?"}`;
  return {
    state,
    progress: [{ step: "retry", message: retry }],
    // The agent would try ten times, for three minutes.
    ...(message.error === "authentication_failed" && {
      stop: { reason: "ModelAuthFailed", message: "The model API refused the key" },
    }),
  };
}

/** The agent drops a settings file that it cannot read without a word; its permission mode gives that away. */
function begin(
  state: SessionState,
  message: Extract<StreamMessage, { type: "system" }>,
  expected: Expectation,
): Advance {
  const version = message.claude_code_version;
  const begun: Advance = {
    state: { ...state, ...(version !== undefined && { agentVersion: version }) },
    progress: [{ step: "session", message: `Session started with ${message.model ?? "an unnamed model"}` }],
  };
  const mode = message.permissionMode;
  if (mode === undefined || mode === expected.permissionMode) return begun;
  const told = `The agent runs in permission mode ${mode}, but its settings say ${expected.permissionMode}: it did not take the settings file`;
  return { ...begun, stop: { reason: "SettingsRejected", message: told } };
}

function advanceAnswer(state: SessionState, message: Extract<StreamMessage, { type: "assistant" }>): Advance {
  const main = message.parent_tool_use_id === null || message.parent_tool_use_id === undefined;
  const turns = main ? new Set([...state.turns, message.message.id]) : state.turns;
  const tools = message.message.content.flatMap(({ type, name }) => (type === "tool_use" && name ? [name] : []));
  return {
    state: { ...state, turns },
    progress: tools.map((tool) => ({ step: "tool", message: `Uses ${tool}`, tool, turns: turns.size })),
  };
}
