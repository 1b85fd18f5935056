import { spawn } from "node:child_process";
import { once } from "node:events";

/**
 * Runs `work` while holding the lock file `path`, waiting for whoever holds it now (`onWait` is told so once). The kernel
 * frees the lock when its holder ends in whatever way.
 */
export async function withLock<T>(
  path: string,
  { signal, onWait, env }: { signal: AbortSignal; onWait: () => void; env: Record<string, string | undefined> },
  work: () => Promise<T>,
): Promise<T> {
  // The child holds the lock until its stdin ends, which it does with this process at the latest.
  const holder = spawn("flock", ["--exclusive", path, "sh", "-c", "echo held; exec cat"], {
    stdio: ["pipe", "pipe", "inherit"],
    env,
  });
  const gone = new Promise<never>((_, reject) => {
    holder.once("error", reject);
    holder.once("exit", (code) => reject(new Error(`the lock ${path} cannot be taken: flock ended with ${code}`)));
  });
  gone.catch(() => undefined);
  const notice = setTimeout(onWait, 1_000);
  try {
    await Promise.race([once(holder.stdout, "data", { signal }), gone]);
    clearTimeout(notice);
    return await work();
  } finally {
    clearTimeout(notice);
    const exited = holder.exitCode === null && holder.pid !== undefined ? once(holder, "exit") : undefined;
    holder.stdin.end();
    if (signal.aborted) holder.kill("SIGKILL");
    await exited;
  }
}
