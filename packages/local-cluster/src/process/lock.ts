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
    stdio: ["pipe", "pipe", "pipe"],
    // Ctrl-C in a terminal must not end it before this process is done.
    detached: true,
    env,
  });
  let complaint = "";
  holder.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  const gone = new Promise<never>((_, reject) => {
    holder.once("error", (cause) => {
      reject(new Error(`the lock ${path} cannot be taken: the program flock (util-linux) does not start`, { cause }));
    });
    holder.once("close", () => reject(new Error(`the lock ${path} cannot be taken: ${complaint.trim()}`)));
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
