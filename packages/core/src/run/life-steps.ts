// What can happen to a run; the words are what the trace of a failure shows.

export const ends = [
  "Delivered",
  "AgentError",
  "Stalled",
  "InvalidInput",
  "RateLimited",
  "ModelOverloaded",
  "lost for good",
  "without a word",
] as const;
export type End = (typeof ends)[number];

export interface PodEnd {
  end: End;
  resumable?: boolean;
  /** Whether the gateway knows what the round has used before. */
  knowsRound: boolean;
}

/** Something happens to the newest pod that has not ended, if there is one. */
export type PodStep =
  | { type: "pod is scheduled" }
  | { type: "pod finds no node" }
  | { type: "agent starts" }
  | ({ type: "pod ends" } & PodEnd)
  | { type: "pod is evicted" }
  | { type: "node is lost" }
  | { type: "pod is gone" };

export type UserStep =
  | { type: "user edits"; spec: Record<string, unknown> }
  | { type: "user asks for a new round" }
  | { type: "user deletes the Job" }
  | { type: "user deletes the pod" };

export type ClusterStep = { type: "controllers act" } | { type: "quota"; forbids: boolean };

export type OperatorStep =
  | { type: "time passes"; seconds: number }
  | { type: "watch catches up"; kind: "run" | "jobs" | "pods" }
  | { type: "watch tells the run's next version" }
  | { type: "operator restarts" }
  | { type: "standby catches up" }
  | { type: "standby leads" }
  | { type: "request fails"; after: number; applied: boolean };

export type Step =
  | { on: "pod"; step: PodStep }
  | { on: "user"; step: UserStep }
  | { on: "cluster"; step: ClusterStep }
  | { on: "operator"; step: OperatorStep };

export function describeStep({ type, ...details }: { type: string }): string {
  const text = Object.entries(details).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  return [type, ...text].join(", ");
}
