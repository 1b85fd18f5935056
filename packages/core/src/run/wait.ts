import { lookAgain, type Decision, type Situation } from "./decision.ts";
import { tell } from "./messages.ts";
import type { Observation } from "./observation.ts";
import { waitingStatus, type Wait } from "./status.ts";

/** Says once for each cause why an attempt waits, when it has waited longer than usual; ends nothing. */
export function notice(
  situation: Situation,
  waiting: Wait,
  { since, until }: { since: number; until: number },
): Decision {
  const { observation, settings, now } = situation;
  if (isTold(observation, waiting)) return lookAgain(situation, [], until);
  const noticeAt = since + settings.waitingNoticeAfterMs;
  if (now < noticeAt) return lookAgain(situation, [], Math.min(noticeAt, until));
  return lookAgain(
    situation,
    [{ type: "patchStatus", status: waitingStatus(observation, waiting, { now, until }) }],
    until,
  );
}

/** The words of a cause may hold numbers that change all the time; what it is about does not. */
function isTold({ run }: Observation, wait: Wait): boolean {
  const succeeded = run.status.conditions?.find(({ type }) => type === "Succeeded");
  if (succeeded?.reason !== wait.reason) return false;
  if (wait.reason !== "WorkspaceInUse") return wait.about === undefined || succeeded.message.startsWith(wait.about);
  return wait.expected === true || withoutPod(succeeded.message) === withoutPod(tell(wait.message));
}

/** The pod of a run that has the turn comes and goes; whose turn it is changes once. */
function withoutPod(message: string): string {
  return message.replace(/ \(pod [^)]*\)/, "");
}
