import type { RunInputs } from "@orchestrator/core/pure";

type Previous = NonNullable<RunInputs["resume"]>["previous"];

/** What a session that is continued is told, in place of its whole prompt. */
export function resumePrompt(previous: Previous): string {
  return [
    "# Go on",
    `An earlier attempt at this task ended before the work was complete${told(previous)}.`,
    "The files are as that attempt left them. Look at what is there, mend what was wrong, and complete the task as you were asked. Do not begin anew.",
    "",
  ].join("\n\n");
}

/** What a new session is told of the work that it finds. */
export function earlierWork(previous: Previous): string {
  return [
    "# Earlier work",
    `An earlier attempt at this task ended before the work was complete${told(previous)}.`,
    "The files are as that attempt left them. Look at what is there before you write, and go on from it.",
  ].join("\n\n");
}

function told(previous: Previous): string {
  return previous === undefined ? "" : `: ${previous.reason}: ${previous.message}`;
}
