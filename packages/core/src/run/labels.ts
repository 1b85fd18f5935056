/** Labels and annotations of what a run owns. Label values end at 63 characters, so a run's name is an annotation. */
export const labels = {
  managedBy: "app.kubernetes.io/managed-by",
  /** The kind of the run; operators select their Jobs and Pods by it. */
  kind: "orchestrator.io/kind",
  runUid: "orchestrator.io/run-uid",
  round: "orchestrator.io/round",
  attempt: "orchestrator.io/attempt",
  task: "orchestrator.io/task-id",
  service: "orchestrator.io/service",
  agent: "orchestrator.io/agent",
} as const;

export const annotations = {
  runName: "orchestrator.io/run-name",
  settingsHash: "orchestrator.io/settings-hash",
  promptHash: "orchestrator.io/prompt-hash",
  /** On the claim of a workspace: UID of the run whose turn it is, for which attempt, and since when. */
  holder: "orchestrator.io/holder",
  heldFor: "orchestrator.io/held-for",
  heldSince: "orchestrator.io/held-since",
  policyHash: "orchestrator.io/policy-hash",
} as const;

export const managedBy = "orchestrator";

/** Selects the Jobs and Pods of one kind of run. */
export function kindSelector(kind: string): string {
  return `${labels.managedBy}=${managedBy},${labels.kind}=${kind}`;
}
