import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isRunning, type ProcessIdentity } from "./process-identity.ts";

/** Where the identity of a component's process stands. */
export function pidFile(directory: string, name: string): string {
  return join(directory, `${name}.pid`);
}

/** The process that the file names, if that very process still runs. A file that is damaged names no process. */
export async function readRunning(directory: string, name: string): Promise<ProcessIdentity | undefined> {
  let text: string;
  try {
    text = await readFile(pidFile(directory, name), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const match = /^(?<pid>[1-9]\d*) (?<startTime>\d+)\n$/.exec(text);
  if (match?.groups === undefined) return undefined;
  const identity = { pid: Number(match.groups["pid"]), startTime: match.groups["startTime"] ?? "" };
  return (await isRunning(identity)) ? identity : undefined;
}
