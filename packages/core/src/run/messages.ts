import type { Reason } from "./reason.ts";

const maxMessageLength = 1024;

/** What a reader can do about each ending. A run that has ended never starts again: another try needs another name. */
const cures: Record<Reason, string> = {
  Delivered: "",
  UpToDate: "",
  ImagePullFailed: "Check the image's name, the registry and spec.pod.imagePullSecrets.",
  Unschedulable: "Check spec.pod (resources, nodeSelector, tolerations) against the nodes' free room.",
  PodNotCreated:
    "Check spec.pod, the namespace's quotas and admission policies, and the events of the Job and its pod.",
  Preempted: "Give the run a higher priority (spec.pod.priorityClassName), then apply it again under a new name.",
  PodEvicted: "Apply the run again under a new name; set spec.pod.resources.requests to what the work needs.",
  NodeLost: "Apply the run again under a new name.",
  PodDeleted: "Apply the run again under a new name.",
  JobDeleted: "Apply the run again under a new name; to stop a run, set spec.cancel.",
  RepositoryUnreachable:
    "Check spec.repository.url and the cluster's way to that host, then apply the run again under a new name.",
  ForgeUnavailable:
    "Check spec.repository.apiUrl and that the forge answers, then apply the run again under a new name.",
  RateLimited: "Apply the run again later under a new name, or raise the model provider's limit.",
  ModelOverloaded: "Apply the run again later under a new name.",
  AgentError: "The logs of the pod's containers tell more.",
  AgentTimedOut: "Raise spec.timeout, or ask for less in one run.",
  Stalled: "Raise spec.stallTimeout where long silence is normal; the log of the agent container tells what came last.",
  MaxTurnsReached:
    "Raise spec.budget.maxTurns in a new run, or together with spec.contextVersion in a new round, or ask for less.",
  VerificationFailed: "Mend what the command found, or the command itself in spec.verify of a new run.",
  NoResult: "The log of the pod's agent container tells more.",
  IncompleteDocs: "Apply a run with the tasks of status.tasks.notDelivered as its spec.targetTasks.",
  NothingDelivered: "The log of the pod's agent container tells what the agent did instead.",
  OutOfMemory: "Raise spec.pod.resources.limits.memory.",
  InvalidInput: "Mend it and apply the run again under a new name.",
  BranchNotFound: "Check spec.repository.branch.",
  RepositoryAuthFailed:
    "Check the Secret of spec.repository.secretRef: its token, what that may do, and its key host, the only host that gets it.",
  ModelAuthFailed: "Check the key api-key in the Secret of spec.modelSecretRef.",
  SettingsRejected: "Check spec.agentTools and spec.model.",
  MissingSecret: "Create it with that key, then apply the run again under a new name.",
  ContainerConfigError: "Check spec.pod, the operator's pod template and the pod's events.",
  AgentMissing: "Use an image that holds agent-runner and the agent (spec.pod.image, or the operator's AGENT_IMAGE).",
  NameConflict:
    "Remove that object, or take another name: for the run, or for its service where it is the claim of a workspace.",
  PushRejected: "Check the repository's branch rules, the token's right to push, and who else works on that branch.",
  DeliveryRefused:
    "Where content was refused, have the task ask for other content; where a pull request was, check the token's right to open them.",
  BudgetExceeded:
    "Raise spec.budget.maxCostUsd in a new run, or together with spec.contextVersion in a new round, or ask for less.",
  DeadlineExceeded: "Raise spec.deadline in a new run, or ask for less in one run.",
  Cancelled: "To go on, apply the run again under a new name, or unset spec.cancel with a higher spec.contextVersion.",
};

/**
 * What a reader is told about an ending: what happened, what became of it, what to do. Cut to 1,024 characters, of which what
 * happened gives way.
 */
export function explain(reason: Reason, whatHappened: string, outcome = ""): string {
  return tell(whatHappened, `${outcome} ${cures[reason]}`.trim());
}

/** What happened, in a sentence, and what comes next. Cut as `explain` does. */
export function tell(whatHappened: string, next = ""): string {
  return `${sentence(plain(whatHappened), maxMessageLength - next.length - 1)} ${next}`.trim();
}

/** Text from outside on one line, without control characters. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
}

function sentence(words: string, room: number): string {
  // An address or a path stays as it is written.
  const text = words.replace(/^[a-z]+(?= )/, (word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`);
  if (text.length > room) return `${text.slice(0, room - 1)}…`;
  return text === "" || /[.!?…]$/.test(text) ? text : `${text}.`;
}
