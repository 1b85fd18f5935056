import { describe, expect, it } from "vitest";
import { hasEnded, newRunView, withLogLine, withObject } from "./run-view.ts";

const view = newRunView("DocsGenerationRun", "docs");
const progress = (line: object): string => JSON.stringify({ time: "2026-01-01T00:00:00Z", ...line });
const object = (status: object): object => ({ kind: "DocsGenerationRun", metadata: { name: "docs" }, status });

describe("run view", () => {
  it("is Pending before the operator has written anything", () => {
    expect(withObject(view, { kind: "DocsGenerationRun", metadata: { name: "docs" } })).toEqual(view);
    expect(hasEnded(view)).toBe(false);
  });

  it("takes step, tasks and cost from the agent's log while the run works", () => {
    const line = progress({ step: "task", message: "task 2 done", tasksDone: 2, tasksTotal: 3, costUsd: 0.0123 });
    expect(withLogLine(view, line)).toMatchObject({ step: "task 2 done", tasks: "2/3 tasks", costUsd: "0.0123" });
  });

  it.each(["", "plain text", "{}", '{"step":1}', progress({ step: "unknown", message: "x" })])(
    "ignores a log line that is no progress: %j",
    (line) => {
      expect(withLogLine(view, line)).toEqual(view);
    },
  );

  it("lets no words of the agent steer the terminal", () => {
    const line = progress({ step: "tool", message: "Uses \u001b[2J\u0007Bash\nand more" });
    expect(withLogLine(view, line).step).toBe("Uses [2J Bash and more");
    expect(withObject(view, object({ message: "a\u001b]0;b\u0007" })).message).toBe("a ]0;b");
  });

  it("prefers the status' own cost to the log's estimate", () => {
    const estimated = withLogLine(view, progress({ step: "run", message: "x", costUsd: 1 }));
    expect(withObject(estimated, object({ phase: "Running" })).costUsd).toBe("1.0000");
    expect(withObject(estimated, object({ phase: "Succeeded", totalCostUsd: "0.75" })).costUsd).toBe("0.75");
  });

  it("shows reason and pull request of an ended run", () => {
    const ended = withObject(
      view,
      object({
        phase: "Succeeded",
        conditions: [
          { type: "Accepted", reason: "Accepted" },
          { type: "Succeeded", reason: "Delivered" },
        ],
        result: { pullRequest: { url: "https://forge/pull/1" } },
      }),
    );
    expect(ended).toMatchObject({ reason: "Delivered", pullRequest: "https://forge/pull/1" });
    expect(hasEnded(ended)).toBe(true);
  });

  it.each(["Succeeded", "Failed", "Cancelled"])("has ended when %s", (phase) => {
    expect(hasEnded(withObject(view, object({ phase })))).toBe(true);
  });

  it.each(["Pending", "Suspended", "Running", "Retrying"])("goes on while %s", (phase) => {
    expect(hasEnded(withObject(view, object({ phase })))).toBe(false);
  });
});
