import type { RunView } from "./run-view.ts";

/** One run in one line, as long as the terminal is wide at most. */
export function renderRun(view: RunView, width = Number.POSITIVE_INFINITY): string {
  const cost = view.costUsd === undefined ? undefined : `$${view.costUsd}`;
  const detail = view.phase === "Running" ? view.step : (view.pullRequest ?? view.message);
  const reason = view.reason === view.phase ? undefined : view.reason;
  const parts = [view.phase, reason, view.tasks, cost, detail].filter((part) => part !== undefined && part !== "");
  const line = `${view.kind}/${view.name}  ${parts.join("  ")}`.replaceAll(/\s*\n\s*/g, " ");
  return line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;
}

/** Where progress is shown: redrawn in place in a terminal, a line for each change elsewhere. */
export interface Screen {
  show(views: readonly RunView[]): void;
}

export interface ScreenOutput {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

export function createScreen(output: ScreenOutput): Screen {
  return output.isTTY === true ? terminalScreen(output) : plainScreen(output);
}

function terminalScreen(output: ScreenOutput): Screen {
  let drawn = 0;
  return {
    show(views) {
      const lines = views.map((view) => `\u001b[2K${renderRun(view, output.columns ?? 80)}\n`);
      output.write(`${drawn === 0 ? "" : `\u001b[${drawn}A`}${lines.join("")}`);
      drawn = lines.length;
    },
  };
}

function plainScreen(output: ScreenOutput): Screen {
  const last = new Map<string, string>();
  return {
    show(views) {
      for (const view of views) {
        const line = renderRun(view);
        if (last.get(view.name) === line) continue;
        last.set(view.name, line);
        output.write(`${line}\n`);
      }
    },
  };
}
