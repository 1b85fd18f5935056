import { lookAgain, type Decision, type Situation } from "./decision.ts";
import type { Observation } from "./observation.ts";
import { waitingStatus, type Wait } from "./status.ts";

/** Says why an attempt waits, when it has waited longer than usual, and says it anew when that has changed; ends nothing. */
export function notice(
  situation: Situation,
  waiting: Wait,
  { since, until }: { since: number; until: number },
): Decision {
  const { observation, settings, now, deadline } = situation;
  const status = waitingStatus(observation, waiting, { now, until, deadline });
  if (isTold(observation, waiting, status.message ?? "")) return lookAgain(situation, [], until);
  const noticeAt = since + settings.waitingNoticeAfterMs;
  if (now < noticeAt) return lookAgain(situation, [], Math.min(noticeAt, until));
  return lookAgain(situation, [{ type: "patchStatus", status }], until);
}

/** The words of a cause may hold numbers that change all the time. */
function isTold({ run }: Observation, wait: Wait, message: string): boolean {
  const succeeded = run.status.conditions?.find(({ type }) => type === "Succeeded");
  if (succeeded?.reason !== wait.reason) return false;
  if (wait.reason === "WorkspaceInUse") {
    return wait.expected === true || withoutPod(succeeded.message) === withoutPod(message);
  }
  if (wait.about !== undefined && !succeeded.message.startsWith(wait.about)) return false;
  // One quota, one policy after another may forbid it.
  return wait.retold !== true || withoutNumbers(succeeded.message) === withoutNumbers(message);
}

/** The pod of a run that has the turn comes and goes; whose turn it is changes once. */
function withoutPod(message: string): string {
  return message.replace(/ \(pod [^)]*\)/, "");
}

/** What a quota counts, and times. */
function withoutNumbers(message: string): string {
  return message.replace(/=[\d.]+\w*|\d{4}-[\d-]+T[\d:]+Z/g, "");
}
