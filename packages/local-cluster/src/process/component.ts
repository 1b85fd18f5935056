import { spawn } from "node:child_process";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ComponentFailed } from "./component-failed.ts";
import { readTail } from "./log-tail.ts";
import { pidFile, readRunning } from "./pid-file.ts";
import { isRunning, type ProcessIdentity } from "./process-identity.ts";

/** A program that runs beside others of a cluster, known by its name within one directory. */
export interface Component {
  name: string;
  command: string;
  args: string[];
  /** The whole environment of the process. Default: PATH and HOME of this one. */
  env?: Record<string, string>;
  /** Whether it does its work; asked until it says yes. Throwing means "not yet" and is quoted when the wait ends in vain. */
  ready: (signal: AbortSignal) => Promise<void>;
}

export interface StartOptions {
  /** Holds `<name>.pid` and `logs/<name>.log`. */
  directory: string;
  signal: AbortSignal;
  /** How long it may take to become ready, in milliseconds. Default 60,000. */
  timeoutMs?: number;
  /** `bound`: dies with this process, even by SIGKILL. `detached`: outlives it. */
  lifetime: "bound" | "detached";
  /** Environment of this process, of which PATH and HOME are handed on. */
  env: Record<string, string | undefined>;
  /** Told when something is started; what runs already is passed over in silence. */
  log?: (line: string) => void;
}

/**
 * Starts a component and waits until it is ready; one that runs already is only waited for.
 * @throws ComponentFailed with its last log lines when it ends or does not become ready in time.
 */
export async function startComponent(component: Component, options: StartOptions): Promise<ProcessIdentity> {
  const { directory, signal, timeoutMs = 60_000, log } = options;
  signal.throwIfAborted();
  const logFile = logPath(directory, component.name);
  await mkdir(join(directory, "logs"), { recursive: true });
  const running = await readRunning(directory, component.name);
  if (running === undefined) log?.(`starting ${component.name}`);
  const identity = running ?? (await launch(component, logFile, options));
  const deadline = AbortSignal.timeout(timeoutMs);
  await untilReady(component, identity, { logFile, deadline, signal });
  return identity;
}

/** Log file of a component. */
export function logPath(directory: string, name: string): string {
  return join(directory, "logs", `${name}.log`);
}

/**
 * Ends a component: SIGTERM, and SIGKILL when it is still there after `graceMs`. One that does not run is left alone,
 * and so is another process that was given its pid. When the signal aborts, it is not waited for any longer.
 */
export async function stopComponent(
  name: string,
  { directory, graceMs = 10_000, signal }: { directory: string; graceMs?: number; signal: AbortSignal },
): Promise<"stopped" | "did not run"> {
  signal.throwIfAborted();
  const identity = await readRunning(directory, name);
  if (identity !== undefined) {
    if (graceMs > 0) send(identity, "SIGTERM");
    if (!(await ended(identity, graceMs, signal))) {
      send(identity, "SIGKILL");
      await ended(identity, 10_000, signal);
    }
  }
  await rm(pidFile(directory, name), { force: true });
  return identity === undefined ? "did not run" : "stopped";
}

// The process writes its own pid file before it becomes the program, so that none is ever without one. One that is bound was
// tied to its starter before that; the tie does not hold when the starter had ended by then, which its parent tells.
const LAUNCHER = `
starter=$1; file=$2; shift 2
[ "$starter" = "" ] || [ "$starter" = "$PPID" ] || exit 1
echo "$$ $(cut -d' ' -f22 /proc/$$/stat)" > "$file.new" && mv "$file.new" "$file" && exec "$@"
`;

async function launch(component: Component, logFile: string, options: StartOptions): Promise<ProcessIdentity> {
  const { directory, lifetime, env, signal } = options;
  await rm(pidFile(directory, component.name), { force: true });
  const log = await open(logFile, "a");
  try {
    const bound = lifetime === "bound";
    const starter = bound ? String(process.pid) : "";
    const launcher = ["sh", "-c", LAUNCHER, component.name, starter, pidFile(directory, component.name)];
    const tie = bound ? ["setpriv", "--pdeathsig", "SIGKILL", "--"] : [];
    const [program = "", ...args] = [...tie, ...launcher, component.command, ...component.args];
    const child = spawn(program, args, {
      cwd: directory,
      detached: true,
      env: component.env ?? { PATH: env["PATH"] ?? "", HOME: env["HOME"] ?? "" },
      stdio: ["ignore", log.fd, log.fd],
    });
    child.unref();
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    const begun = child.exitCode === null ? child : undefined;
    return await launched(component.name, begun, { directory, logFile, signal }).catch((error: unknown) => {
      // A process without a pid file would be nobody's.
      child.kill("SIGKILL");
      throw error;
    });
  } finally {
    await log.close();
  }
}

async function launched(
  name: string,
  child: { readonly exitCode: number | null; readonly signalCode: NodeJS.Signals | null } | undefined,
  { directory, logFile, signal }: { directory: string; logFile: string; signal: AbortSignal },
): Promise<ProcessIdentity> {
  while (child !== undefined && child.exitCode === null && child.signalCode === null) {
    const identity = await readRunning(directory, name);
    if (identity !== undefined) return identity;
    await pause(5, signal);
  }
  throw new ComponentFailed({ component: name, problem: "ended at once", logFile, lastLines: await readTail(logFile) });
}

async function untilReady(
  component: Component,
  identity: ProcessIdentity,
  { logFile, deadline, signal }: { logFile: string; deadline: AbortSignal; signal: AbortSignal },
): Promise<void> {
  const either = AbortSignal.any([deadline, signal]);
  let cause: unknown;
  while (!either.aborted) {
    try {
      await component.ready(either);
      return;
    } catch (error) {
      if (!either.aborted) cause = error;
    }
    if (!(await isRunning(identity))) break;
    await delay(50, undefined, { signal: either }).catch(() => undefined);
  }
  signal.throwIfAborted();
  const problem = (await isRunning(identity)) ? "did not become ready in time" : "ended before it was ready";
  throw new ComponentFailed({ component: component.name, problem, logFile, lastLines: await readTail(logFile), cause });
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => signal.throwIfAborted());
}

function send(identity: ProcessIdentity, name: NodeJS.Signals): void {
  try {
    process.kill(identity.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function ended(identity: ProcessIdentity, withinMs: number, signal: AbortSignal): Promise<boolean> {
  const deadline = AbortSignal.timeout(withinMs);
  while (await isRunning(identity)) {
    if (deadline.aborted) return false;
    await pause(20, signal);
  }
  return true;
}
