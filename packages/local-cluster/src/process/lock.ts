import { spawn } from "node:child_process";
import { type FileHandle, mkdir, open, stat } from "node:fs/promises";

export interface LockOptions {
  signal: AbortSignal;
  /** Told once when another holder is being waited for. */
  onWait: () => void;
  /** Environment of this process. */
  env: Record<string, string | undefined>;
}

/**
 * Runs `work` while holding the lock on a folder, which is made when it is not there, and which `work` may remove. The
 * kernel frees the lock when its holder ends in whatever way.
 */
export async function withLock<T>(folder: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  const notice = setTimeout(options.onWait, 1_000);
  const held = await take(folder, options).finally(() => clearTimeout(notice));
  try {
    return await work();
  } finally {
    await held.close();
  }
}

async function take(folder: string, options: LockOptions): Promise<FileHandle> {
  for (;;) {
    const handle = await openFolder(folder);
    try {
      await lock(handle, folder, options);
      if (await isAt(handle, folder)) return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
    // Whoever held it has removed the folder: a lock on what is gone keeps nobody out.
    await handle.close();
  }
}

async function openFolder(folder: string): Promise<FileHandle> {
  try {
    await mkdir(folder, { recursive: true });
    return await open(folder, "r");
  } catch (cause) {
    throw new Error(`the lock ${folder} cannot be taken: ${(cause as Error).message}`, { cause });
  }
}

/** The program takes the lock for the opened folder, which keeps it until the handle is closed. */
function lock(handle: FileHandle, folder: string, { signal, env }: LockOptions): Promise<void> {
  // Ctrl-C in a terminal is for this process, which then ends the other.
  const child = spawn("flock", ["--exclusive", "3"], {
    stdio: ["ignore", "ignore", "pipe", handle.fd],
    detached: true,
    env,
    signal,
    killSignal: "SIGKILL",
  });
  let complaint = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => {
      const problem = `the lock ${folder} cannot be taken: the program flock (util-linux) does not start`;
      reject(signal.aborted ? (signal.reason as Error) : new Error(problem, { cause }));
    });
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`the lock ${folder} cannot be taken: ${complaint.trim()}`));
    });
  });
}

async function isAt(handle: FileHandle, folder: string): Promise<boolean> {
  const held = await handle.stat();
  try {
    const there = await stat(folder);
    return there.dev === held.dev && there.ino === held.ino;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
