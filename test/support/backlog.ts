export interface BacklogTask {
  id: number;
  title?: string;
  details?: string;
  status?: string;
}

/** Files of a repository whose backlog has these tasks. */
export function backlog(tasks: BacklogTask[]): Record<string, string> {
  return {
    "README.md": "# Backlog\n",
    "services/greeter/package.json": '{"name":"greeter","type":"module"}\n',
    ".taskmaster/tasks/tasks.json": `${JSON.stringify({ master: { tasks: tasks.map(fullTask) } }, null, 2)}\n`,
  };
}

function fullTask({ id, title, details, status }: BacklogTask): object {
  return {
    id,
    title: title ?? `Task ${id}`,
    description: `What task ${id} is about`,
    details: details ?? "",
    testStrategy: "",
    priority: "medium",
    dependencies: [],
    status: status ?? "pending",
    subtasks: [],
  };
}
