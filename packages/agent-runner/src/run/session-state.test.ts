import { describe, expect, it } from "vitest";
import { advance, newSession, type SessionState } from "./session-state.ts";
import { readStreamLine } from "./stream-message.ts";

const expected = { permissionMode: "dontAsk" };
const step = (message: object, state: SessionState = newSession) => {
  const read = readStreamLine(JSON.stringify(message));
  if (read === undefined) throw new Error("was not read");
  return advance(state, read, expected);
};
const init = { type: "system", subtype: "init", permissionMode: "dontAsk", model: "m", claude_code_version: "2.1.330" };

describe("a session's stream", () => {
  it.each(["not JSON", "[]", "null", '{"type":"stream_event"}', '{"type":"result"}', '{"type":"new","x":1}', ""])(
    "is read past what says nothing: %s",
    (line) => {
      expect(readStreamLine(line)).toBeUndefined();
    },
  );

  it("starts with the agent's version and model", () => {
    expect(step(init)).toEqual({
      state: { turns: new Set(), agentVersion: "2.1.330" },
      progress: [{ step: "session", message: "Session started with m" }],
    });
    expect(step({ type: "system", subtype: "init" }).progress[0]?.message).toBe(
      "Session started with an unnamed model",
    );
  });

  it("ends at once where the agent did not take its settings", () => {
    expect(step({ ...init, permissionMode: "default" }).stop).toMatchObject({ reason: "SettingsRejected" });
  });

  it("ends at once where the key is refused, not at other retries", () => {
    const retry = { type: "system", subtype: "api_retry", attempt: 1, max_retries: 10 };
    const refused = step({ ...retry, error_status: 401, error: "authentication_failed" });
    expect(refused.stop).toMatchObject({ reason: "ModelAuthFailed" });
    const busy = step({ ...retry, error_status: 529, error: "overloaded" });
    expect(busy).not.toHaveProperty("stop");
    expect(busy.progress).toEqual([
      { step: "retry", message: "The model API failed (529 overloaded); attempt 1 of 10" },
    ]);
    expect(step({ type: "system", subtype: "api_retry", error_status: null }).progress[0]?.message).toBe(
      "The model API failed (no answer); attempt ? of ?",
    );
  });

  it("counts the answers of the main conversation as turns, and names tools", () => {
    const answer = (id: string, parent: string | null, ...content: object[]) => ({
      type: "assistant",
      parent_tool_use_id: parent,
      message: { id, content },
    });
    const tool = { type: "tool_use", name: "Write", input: {} };
    let state = step(answer("1", null, { type: "text", text: "x" })).state;
    const second = step(answer("2", null, tool), state);
    expect(second.progress).toEqual([{ step: "tool", message: "Uses Write", tool: "Write", turns: 2 }]);
    state = step(answer("2", null, tool), second.state).state;
    state = step(answer("3", "a task", tool), state).state;
    expect(state.turns).toEqual(new Set(["1", "2"]));
  });

  it("keeps the last result, and is not moved by other system messages", () => {
    const result = (text: string) => ({ type: "result", subtype: "success", is_error: false, result: text });
    const state = step(result("second"), step(result("first")).state).state;
    expect(state.result?.result).toBe("second");
    expect(step({ type: "system", subtype: "status" }, state)).toEqual({ state, progress: [] });
  });
});
