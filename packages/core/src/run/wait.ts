import { lookAgain, type Decision, type Situation } from "./decision.ts";
import { tell } from "./messages.ts";
import type { Observation } from "./observation.ts";
import { waitingStatus, type Wait } from "./status.ts";

/** Says once why an attempt waits, when it has waited longer than usual; ends nothing. */
export function notice(
  situation: Situation,
  waiting: Wait,
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
  "WorkspaceInUse",
]);

function isTold({ run }: Observation, { reason, message }: Wait): boolean {
  const succeeded = run.status.conditions?.find(({ type }) => type === "Succeeded");
  if (succeeded === undefined) return false;
  // The turn may be lost after whatever was told, and whose it is changes while the run waits.
  if (reason === "WorkspaceInUse") return succeeded.reason === reason && succeeded.message === tell(message);
  return succeeded.reason === reason || !untold.has(succeeded.reason);
}
