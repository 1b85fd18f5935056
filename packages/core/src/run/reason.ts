/** What a reason's class says about what happens next (design, section 5). */
export type ReasonClass = "success" | "infrastructure" | "provider" | "agent" | "configuration";

/** Every named ending of a run, with its class. The one table that code, metrics and docs read. */
export const reasons = {
  Delivered: "success",
  UpToDate: "success",
  ImagePullFailed: "infrastructure",
  Unschedulable: "infrastructure",
  PodNotCreated: "infrastructure",
  PodEvicted: "infrastructure",
  NodeLost: "infrastructure",
  PodDeleted: "infrastructure",
  JobDeleted: "infrastructure",
  RepositoryUnreachable: "infrastructure",
  ForgeUnavailable: "infrastructure",
  RateLimited: "provider",
  ModelOverloaded: "provider",
  AgentError: "agent",
  AgentTimedOut: "agent",
  NoResult: "agent",
  IncompleteDocs: "agent",
  NothingDelivered: "agent",
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
} as const satisfies Record<string, ReasonClass>;

export type Reason = keyof typeof reasons;
