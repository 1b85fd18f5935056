import type { Subtask, Task } from "./task.ts";

/** The task as Markdown for the agent; texts that the file does not have are left out. */
export function taskText(task: Task): string {
  return [
    `# Task ${task.id}: ${task.title}`,
    ...body(task, "##"),
    ...task.subtasks.flatMap((subtask) => [
      `## Subtask ${task.id}.${subtask.id}: ${subtask.title}`,
      ...body(subtask, "###"),
    ]),
  ].join("\n\n");
}

function body(of: Task | Subtask, heading: string): string[] {
  const sections: [string, string][] = [
    ["", of.description],
    [`${heading} Details\n\n`, of.details],
    [`${heading} Test strategy\n\n`, of.testStrategy],
    [`${heading} Depends on\n\n`, of.dependencies.join(", ")],
  ];
  return sections.filter(([, text]) => text.trim() !== "").map(([title, text]) => `${title}${text}`);
}
