import type { AgentMessage, Ending } from "@orchestrator/core";
import { describe, expect, it } from "vitest";
import { taskStatus } from "./task-status.ts";

const usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0, turns: 0 };

function ending(
  tasks: { delivered: string; upToDate: string; failed: string } | undefined,
  failedTasks?: AgentMessage["failedTasks"],
): Ending {
  return {
    reason: "IncompleteDocs",
    message: "",
    gateway: { version: 1, usage, delivery: { outcome: "IncompleteDocs", ...(tasks && { tasks }) } },
    agent: { version: 1, ...(failedTasks && { failedTasks }) },
  };
}

describe("what became of the tasks", () => {
  it("is counted from the gateway's word", () => {
    expect(taskStatus(ending({ delivered: "1-3", upToDate: "5", failed: "" }))).toEqual({
      tasks: { summary: "4/4", total: 4, delivered: 3, upToDate: 1, failed: 0, notDelivered: null },
    });
  });

  it("names those not delivered, with what the agent told of them", () => {
    const told = { id: 4, reason: "AgentTimedOut", message: "no time left" } as const;
    const { tasks } = taskStatus(ending({ delivered: "1", upToDate: "", failed: "4,6" }, [told]));
    expect(tasks).toMatchObject({
      summary: "1/3",
      failed: 2,
      notDelivered: [told, { id: 6, reason: "IncompleteDocs" }],
    });
  });

  it("lists at most 50 of them", () => {
    const { tasks } = taskStatus(ending({ delivered: "", upToDate: "", failed: "1-80,+3" }));
    expect(tasks).toMatchObject({ total: 83, failed: 83 });
    expect(tasks?.notDelivered).toHaveLength(50);
  });

  it("is not guessed where the gateway says nothing", () => {
    expect(taskStatus(ending(undefined))).toEqual({});
    expect(taskStatus({ reason: "NodeLost", message: "" })).toEqual({});
  });
});
