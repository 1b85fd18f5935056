import { readTaskBlock, type TaskBlock } from "@orchestrator/core/pure";
import type { MessagesRequest } from "./messages-request.ts";

/** A tool call that the agent has made. */
export interface ToolCall {
  name: string;
  input: Record<string, unknown>;
}

/** What a request says about the session so far. */
export interface Conversation {
  /** All that the user has said. */
  prompt: string;
  task: TaskBlock | undefined;
  /** The agent's working directory, as the agent CLI states it. */
  cwd: string | undefined;
  /** How many prompts with a task there were. */
  tasks: number;
  /** Since the last prompt with a task, in order. */
  calls: ToolCall[];
}

const workingDirectory = /working directory: (.+)$/im;

/** Reads a request as a conversation; what is not said there is undefined. */
export function readConversation(request: MessagesRequest): Conversation {
  const prompts = request.messages.map((message) => (message.role === "user" ? textOf(message.content) : ""));
  const start = prompts.findLastIndex((text) => readTaskBlock(text) !== undefined);
  const stated = [textOf(request.system ?? []), ...request.messages.map(({ content }) => textOf(content))];
  return {
    prompt: prompts.join("\n"),
    task: readTaskBlock(prompts[start] ?? ""),
    tasks: prompts.filter((text) => readTaskBlock(text) !== undefined).length,
    cwd: stated.map((text) => workingDirectory.exec(text)?.[1]?.trim()).find((found) => found !== undefined),
    calls: callsOf(request.messages.slice(Math.max(start, 0))),
  };
}

type Content = MessagesRequest["messages"][number]["content"];

function textOf(content: Content): string {
  return content.map((block) => (block.type === "text" ? block.text : "")).join("\n");
}

function callsOf(messages: MessagesRequest["messages"]): ToolCall[] {
  return messages.flatMap(({ content }) => content.filter((block) => block.type === "tool_use"));
}
