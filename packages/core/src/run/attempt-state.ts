import type { AgentMessage, GatewayMessage } from "../pod/termination-message.ts";
import type { Reason } from "./reason.ts";

/** How an attempt ended, and what is known of it. Times are milliseconds since the epoch. */
export interface Ending {
  reason: Reason;
  /** What happened; what to do about it goes with the reason. */
  message: string;
  /** Another attempt cannot help, whatever the reason's class says. */
  final?: true;
  exitCode?: number;
  startedAt?: number;
  finishedAt?: number;
  gateway?: GatewayMessage;
  agent?: AgentMessage;
}

/** What an attempt waits for before its agent starts. */
export interface Waiting {
  /** Shown in the condition while it waits. */
  reason: Reason | "PodStarting" | "Preparing" | "OldPodRunning";
  message: string;
  /** The run's reason when the wait outlasts `pendingTimeout`. */
  endsAs: Reason;
  /** Waiting longer cannot help. */
  hopeless: boolean;
  /** With what the message begins for as long as it is about the same thing. Default: whatever it says for this reason. */
  about?: string;
  /** It is told anew when its words change. Default: one reason is told once for each thing that it is about. */
  retold?: true;
}

/** Where an attempt stands. */
export type AttemptState =
  | { type: "notStarted" }
  | { type: "waiting"; waiting: Waiting; since: number; until: number }
  | { type: "running"; startedAt: number; until: number }
  /** The Job is over or going; what its pod has to say is still to come, or the wait for it ends at `until`. */
  | { type: "settling"; until: number }
  | { type: "ended"; ending: Ending };
