import { agentMessage, type Reason } from "@orchestrator/core/pure";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SessionRecord } from "../steps/step-files.ts";
import { agentReport, encodeAgentReport } from "./agent-report.ts";

const record = (taskId: number, changes: Partial<SessionRecord> = {}): SessionRecord => ({
  taskId,
  sessionId: `session-${taskId}`,
  interrupted: false,
  turns: 1,
  exitCode: 0,
  agentVersion: "2.1.330",
  ...changes,
});
const verdict = { reason: "NoResult", message: "m" } as const;
const failedTasks = (count: number, message: string) =>
  Array.from({ length: count }, (_, index) => ({ id: index + 1, reason: "AgentTimedOut" as const, message }));

describe("the agent's message", () => {
  it("repeats nothing that looks like a credential", () => {
    const token = `glpat-${"x".repeat(20)}`;
    const said = { ...verdict, message: `401 for ${token}` };
    const verification = { complete: [], failed: [{ taskId: 2, verdict: said }] };
    const message = JSON.stringify(agentReport({ verdict: said, sessions: [], verification }));
    expect(message).not.toContain(token);
    expect(message.match(/looks like it holds a GitLab token/g)).toHaveLength(2);
  });

  it("speaks of the session that failed, else of the first", () => {
    expect(agentReport({ verdict: undefined, sessions: [record(1), record(2)], verification: undefined })).toEqual({
      version: 1,
      exitCode: 0,
      sessionId: "session-1",
      agentVersion: "2.1.330",
    });
    const sessions = [record(1), record(2, { verdict, exitCode: 7 })];
    const verification = { complete: [1], failed: [{ taskId: 2, verdict }] };
    expect(agentReport({ verdict, sessions, verification })).toEqual({
      version: 1,
      verdict,
      exitCode: 7,
      sessionId: "session-2",
      agentVersion: "2.1.330",
      failedTasks: [{ id: 2, ...verdict }],
    });
    expect(agentReport({ verdict: undefined, sessions: [], verification: undefined })).toEqual({ version: 1 });
  });

  it("loses the texts of tasks first, then those of the verdict, then tasks from the end", () => {
    const message = { version: 1, verdict: { ...verdict, message: "v".repeat(900) }, sessionId: "s" } as const;
    const read = (count: number, text: string) => {
      const whole = agentReport({ verdict: message.verdict, sessions: [record(1)], verification: undefined });
      return agentMessage.parse(JSON.parse(encodeAgentReport({ ...whole, failedTasks: failedTasks(count, text) })));
    };
    const short = read(5, "t".repeat(500));
    expect(short.failedTasks?.[4]?.message).toMatch(/^t+…$/);
    expect(short.verdict?.message).toHaveLength(900);
    const more = read(20, "t".repeat(500));
    expect(more.failedTasks).toHaveLength(20);
    expect(more.failedTasks?.[0]).not.toHaveProperty("message");
    expect(more.verdict?.message).toMatch(/^v{590,600}…$/);
    const most = read(1000, "t");
    expect(most.failedTasks?.map(({ id }) => id)).toEqual(
      failedTasks(most.failedTasks?.length ?? 0, "").map(({ id }) => id),
    );
    expect(most.verdict?.message).toMatch(/^v{590,600}…$/);
  });

  it("is never larger than what the kubelet keeps, and can always be read", () => {
    const reason = fc.constantFrom<Reason[]>("NoResult", "IncompleteDocs");
    const text = fc.string({ unit: "binary", maxLength: 3000 });
    fc.assert(
      fc.property(reason, text, fc.nat(300), text, (why, message, count, taskText) => {
        const encoded = encodeAgentReport({
          version: 1,
          verdict: { reason: why, message },
          sessionId: "s",
          failedTasks: failedTasks(count, taskText),
        });
        expect(Buffer.byteLength(encoded)).toBeLessThanOrEqual(2000);
        expect(agentMessage.safeParse(JSON.parse(encoded)).success).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});
