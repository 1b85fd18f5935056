import { countTasks, type Ending, parseTaskRanges, type TaskCounts } from "@orchestrator/core";

const listedTasks = 50;

/** `status.tasks` of a run that has ended; nothing where its gateway did not tell what became of the tasks. */
export function taskStatus({ gateway, agent }: Ending): { tasks?: TaskCounts } {
  const tasks = gateway?.delivery?.tasks;
  if (tasks === undefined) return {};
  const delivered = countTasks(tasks.delivered);
  const upToDate = countTasks(tasks.upToDate);
  const failed = countTasks(tasks.failed);
  const total = delivered + upToDate + failed;
  const notDelivered = parseTaskRanges(tasks.failed)
    .ids.slice(0, listedTasks)
    .map((id) => agent?.failedTasks?.find((task) => task.id === id) ?? { id, reason: "IncompleteDocs" });
  return {
    tasks: {
      summary: `${delivered + upToDate}/${total}`,
      total,
      delivered,
      upToDate,
      failed,
      ...(notDelivered.length > 0 && { notDelivered }),
    },
  };
}
