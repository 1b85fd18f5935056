import { readFile } from "node:fs/promises";

/** One process for ever: a pid alone may be given to another process later, its start time may not. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks from boot to the start of the process, as in field 22 of `/proc/<pid>/stat`. */
  startTime: string;
}

/** Identity of the process that has `pid` now; undefined when there is none or it has ended and waits to be reaped. */
export async function identifyProcess(pid: number): Promise<ProcessIdentity | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(ignoreMissing);
  if (stat === undefined) return undefined;
  // The second field is the command's name in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, startTime] = [fields[0], fields[19]];
  if (state === "Z" || state === "X" || startTime === undefined) return undefined;
  return { pid, startTime };
}

/** Whether exactly this process still runs. */
export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  return (await identifyProcess(identity.pid))?.startTime === identity.startTime;
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT" || error.code === "ESRCH") return undefined;
  throw error;
}
