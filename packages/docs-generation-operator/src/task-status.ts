import { countTasks, type Ending, parseTaskRanges, type TaskCounts } from "@orchestrator/core";

const listedTasks = 50;

/** As a merge patch: null takes away the list of an earlier attempt. */
type TasksPatch = Omit<TaskCounts, "notDelivered"> & { notDelivered: TaskCounts["notDelivered"] | null };

/** `status.tasks` after an attempt; nothing where its gateway did not tell what became of the tasks. */
export function taskStatus({ gateway, agent }: Ending): { tasks?: TasksPatch } {
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
      notDelivered: notDelivered.length > 0 ? notDelivered : null,
    },
  };
}
