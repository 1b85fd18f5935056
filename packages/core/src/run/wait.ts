import type { Waiting } from "./attempt-state.ts";
import { lookAgain, type Decision, type Situation } from "./decision.ts";
import type { Observation } from "./observation.ts";
import { waitingStatus } from "./status.ts";

/** Says once why an attempt waits, when it has waited longer than usual; ends nothing. */
export function notice(
  situation: Situation,
  waiting: Waiting,
  { since, until }: { since: number; until: number },
): Decision {
  const { observation, settings, now } = situation;
  if (isTold(observation, waiting)) return lookAgain(situation, [], until);
  const noticeAt = since + settings.waitingNoticeAfterMs;
  if (now < noticeAt) return lookAgain(situation, [], Math.min(noticeAt, until));
  return lookAgain(situation, [{ type: "patchStatus", status: waitingStatus(observation, waiting, now) }], until);
}

/** What `Succeeded` says while no attempt has been told of, or nothing worse than that it is on its way. */
const untold: ReadonlySet<string> = new Set([
  "Pending",
  "Retrying",
  "Suspended",
  "OldPodRunning",
  "PodStarting",
  "Preparing",
]);

function isTold({ run }: Observation, { reason }: Waiting): boolean {
  const succeeded = run.status.conditions?.find(({ type }) => type === "Succeeded");
  return succeeded !== undefined && (succeeded.reason === reason || !untold.has(succeeded.reason));
}
