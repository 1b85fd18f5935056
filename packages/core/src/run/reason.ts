/** What a reason's class says about what happens next (design, section 5). */
export type ReasonClass = "success" | "infrastructure" | "provider" | "agent" | "configuration" | "limit" | "choice";

/** Every named ending of a run, with its class. The one table that code, metrics and docs read. */
export const reasons = {
  Delivered: "success",
  UpToDate: "success",
  ImagePullFailed: "infrastructure",
  Unschedulable: "infrastructure",
  PodNotCreated: "infrastructure",
  PodEvicted: "infrastructure",
  Preempted: "infrastructure",
  NodeLost: "infrastructure",
  PodDeleted: "infrastructure",
  JobDeleted: "infrastructure",
  RepositoryUnreachable: "infrastructure",
  ForgeUnavailable: "infrastructure",
  RateLimited: "provider",
  ModelOverloaded: "provider",
  AgentError: "agent",
  AgentTimedOut: "agent",
  Stalled: "agent",
  MaxTurnsReached: "agent",
  NoResult: "agent",
  IncompleteDocs: "agent",
  NothingDelivered: "agent",
  VerificationFailed: "agent",
  OutOfMemory: "agent",
  InvalidInput: "configuration",
  BranchNotFound: "configuration",
  RepositoryAuthFailed: "configuration",
  ModelAuthFailed: "configuration",
  SettingsRejected: "configuration",
  MissingSecret: "configuration",
  ContainerConfigError: "configuration",
  AgentMissing: "configuration",
  NameConflict: "configuration",
  PushRejected: "configuration",
  DeliveryRefused: "configuration",
  BudgetExceeded: "limit",
  DeadlineExceeded: "limit",
  Cancelled: "choice",
} as const satisfies Record<string, ReasonClass>;

export type Reason = keyof typeof reasons;

/** Whether a word, as it stands in a status, is one of the table. */
export function isReason(word: string | undefined): word is Reason {
  return word !== undefined && Object.hasOwn(reasons, word);
}
