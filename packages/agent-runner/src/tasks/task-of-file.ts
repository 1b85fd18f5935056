import { task, type Task } from "./task.ts";

const heading = /^#{1,6}[ \t]+(\S.*?)[ \t]*#*$/m;

/** The task that a Markdown file is about: titled by its first heading, with the whole text as its description. */
export function taskOfFile(id: number, content: string): Task {
  const title = heading.exec(content)?.[1] ?? `Task ${id}`;
  return task.parse({ id, title, description: content.trim() });
}
