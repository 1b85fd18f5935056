import { describe, expect, it } from "vitest";
import { docsGenerationRunStatus, runStatus } from "./status.ts";

describe("the status", () => {
  it("is Pending before anyone has written it", () => {
    expect(runStatus.parse({})).toEqual({ phase: "Pending" });
  });

  it("holds the longest words that a pod can report", () => {
    const longest = "x".repeat(4096);
    const attempt = { number: 1, round: 1, jobName: "run-1", outcome: "Failed", sessionId: longest, message: longest };
    const provenance = { image: longest, agentVersion: longest, model: longest };

    expect(runStatus.safeParse({ attempts: [attempt], provenance, message: longest }).success).toBe(true);
  });

  it("takes an attempt that names no round for one of the first", () => {
    const attempts = [{ number: 1, jobName: "run-1", outcome: "Running" }];

    expect(runStatus.parse({ attempts }).attempts).toMatchObject([{ round: 1 }]);
  });

  it("lists at most 50 tasks that were not delivered", () => {
    const notDelivered = Array.from({ length: 51 }, (_, id) => ({ id, reason: "IncompleteDocs" }));
    const tasks = { total: 51, delivered: 0, upToDate: 0, failed: 51, notDelivered };

    expect(docsGenerationRunStatus.safeParse({ tasks }).success).toBe(false);
    expect(
      docsGenerationRunStatus.safeParse({ tasks: { ...tasks, notDelivered: notDelivered.slice(1) } }).success,
    ).toBe(true);
  });

  it.each(["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123456Z", "2026-01-02T03:04:05+01:00"])(
    "reads %s",
    (startTime) => {
      expect(runStatus.safeParse({ startTime }).success).toBe(true);
    },
  );
});
