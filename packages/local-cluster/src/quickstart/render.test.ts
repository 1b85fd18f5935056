import { describe, expect, it } from "vitest";
import { createScreen, renderRun } from "./render.ts";
import { newRunView, type RunView } from "./run-view.ts";

const running: RunView = {
  ...newRunView("DocsGenerationRun", "docs"),
  phase: "Running",
  reason: "Running",
  step: "writing",
  tasks: "1/3 tasks",
};
const ended: RunView = { ...running, phase: "Failed", reason: "BranchNotFound", message: "no branch\n  nope" };

describe("render", () => {
  it.each([
    { name: "step of a run that works", view: running, line: "DocsGenerationRun/docs  Running  1/3 tasks  writing" },
    {
      name: "reason and message of a run that failed, on one line",
      view: ended,
      line: "DocsGenerationRun/docs  Failed  BranchNotFound  1/3 tasks  no branch nope",
    },
  ])("shows $name", ({ view, line }) => {
    expect(renderRun(view)).toBe(line);
  });

  it("cuts a line to the terminal's width", () => {
    expect(renderRun(ended, 20)).toBe("DocsGenerationRun/d…");
  });

  it("writes a plain line for each change, and none for the same again", () => {
    const written: string[] = [];
    const screen = createScreen({ write: (text) => written.push(text) });
    screen.show([running]);
    screen.show([running]);
    screen.show([ended]);
    expect(written).toEqual([`${renderRun(running)}\n`, `${renderRun(ended)}\n`]);
  });

  it("redraws in place in a terminal", () => {
    const written: string[] = [];
    const screen = createScreen({ write: (text) => written.push(text), isTTY: true, columns: 200 });
    screen.show([running, ended]);
    screen.show([ended, ended]);
    expect(written[1]?.startsWith("\u001b[2A")).toBe(true);
  });
});
