import { v5 } from "uuid";

/** The agent's id for the session of one task in one attempt: the same whenever it is asked for. */
export function sessionId(session: { runUid: string; attempt: number; taskId: number }): string {
  // A run's UID is a UUID, and serves as the namespace. Anything else is made one.
  const namespace = v5(session.runUid, v5.URL);
  return v5(`${session.attempt}/${session.taskId}`, namespace);
}
