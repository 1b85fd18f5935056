import { progressLine } from "@orchestrator/core/pure";
import { z } from "zod";

/** On one line and without control characters: an agent's words must not steer the terminal that shows them. */
const words = z.string().transform((text) => text.replaceAll(/[\p{Cc}\s]+/gu, " ").trim());

/** What of a run's object quickstart shows. Everything may be missing before the operator's first write. */
const runObject = z.object({
  kind: z.string(),
  metadata: z.object({ name: z.string() }),
  status: z
    .object({
      phase: z.string().optional(),
      message: words.optional(),
      totalCostUsd: words.optional(),
      conditions: z.array(z.object({ type: z.string(), reason: words })).optional(),
      result: z.object({ pullRequest: z.object({ url: words }).optional() }).optional(),
    })
    .optional(),
});

const shownProgress = progressLine.extend({ message: words });

/** What is known of a run, from its object and from the log of its agent. */
export interface RunView {
  readonly kind: string;
  readonly name: string;
  readonly phase: string;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly costUsd?: string | undefined;
  readonly pullRequest?: string | undefined;
  readonly step?: string | undefined;
  readonly tasks?: string | undefined;
}

export function newRunView(kind: string, name: string): RunView {
  return { kind, name, phase: "Pending" };
}

/** The view after the object was read. The status' own cost and message replace what the log said. */
export function withObject(view: RunView, object: unknown): RunView {
  const { status } = runObject.parse(object);
  if (status === undefined) return view;
  return {
    ...view,
    phase: status.phase ?? view.phase,
    reason: status.conditions?.find(({ type }) => type === "Succeeded")?.reason,
    message: status.message,
    costUsd: status.totalCostUsd ?? view.costUsd,
    pullRequest: status.result?.pullRequest?.url,
  };
}

/** The view after a line of the agent's log; a line that is no progress line changes nothing. */
export function withLogLine(view: RunView, line: string): RunView {
  const progress = parseProgress(line);
  if (progress === undefined) return view;
  const { message, tasksDone, tasksTotal, costUsd } = progress;
  return {
    ...view,
    step: message,
    tasks: tasksTotal === undefined ? view.tasks : `${tasksDone ?? 0}/${tasksTotal} tasks`,
    costUsd: costUsd === undefined ? view.costUsd : costUsd.toFixed(4),
  };
}

function parseProgress(line: string): z.infer<typeof shownProgress> | undefined {
  try {
    return shownProgress.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined; // the log is for people: a line that is no JSON is nothing to show
  }
}

export function hasEnded(view: RunView): boolean {
  return view.phase === "Succeeded" || view.phase === "Failed" || view.phase === "Cancelled";
}
