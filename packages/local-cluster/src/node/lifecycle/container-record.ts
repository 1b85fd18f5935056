/** How one run of a container ended. Times are milliseconds since the epoch. */
export interface Exit {
  containerId?: string;
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  reason: string;
  message?: string;
}

export type ContainerState =
  | { type: "new" }
  /** Its environment and sandbox are being made; `after` is what stood in the way until now. */
  | { type: "starting"; after?: { reason: string; message: string } }
  /** It cannot be made as the pod stands; tried again at `retryAt`. */
  | { type: "blocked"; reason: string; message: string; tries: number; retryAt: number }
  | {
      type: "running";
      containerId: string;
      startedAt: number;
      /** The startup probe has passed. */
      started: boolean;
      ready: boolean;
      /** A probe demands its end. */
      condemned?: { graceSeconds: number };
      /** SIGTERM was sent; SIGKILL follows at this time. */
      killAt?: number;
    }
  | { type: "exited"; exit: Exit };

/** What the node knows of one container of a pod. */
export interface ContainerRecord {
  state: ContainerState;
  /** How often it was started by this process of the node. */
  runs: number;
  /** How often it was started before that. */
  earlierRuns: number;
  /** Ends in a row that count for the back-off. */
  crashes: number;
  /** The end of the run before the present one. */
  last?: Exit;
}

export function newRecord(): ContainerRecord {
  return { state: { type: "new" }, runs: 0, earlierRuns: 0, crashes: 0 };
}

/** Number of its newest run, from 0: the restart count. */
export function runIndex({ runs, earlierRuns }: ContainerRecord): number {
  return Math.max(0, earlierRuns + runs - 1);
}

/** Whether processes of it may exist. */
export function isAlive(record: ContainerRecord): boolean {
  return record.state.type === "running" || record.state.type === "starting";
}

/** The end of its newest run, if that is over. */
export function lastExit(record: ContainerRecord): Exit | undefined {
  return record.state.type === "exited" ? record.state.exit : record.last;
}
