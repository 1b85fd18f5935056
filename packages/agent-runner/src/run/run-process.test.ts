import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type ProcessOptions, runProcess } from "./run-process.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "run-process-"));
  await writeFile(join(folder, "in"), "given\n");
});
afterEach(() => rm(folder, { recursive: true }));

function start(script: string, changes: Partial<ProcessOptions> = {}) {
  const lines: string[] = [];
  const stop = new AbortController();
  const end = runProcess({
    command: "sh",
    args: ["-c", script],
    env: { PATH: process.env["PATH"] },
    directory: folder,
    stdinFile: join(folder, "in"),
    signal: stop.signal,
    onLine: (line) => {
      lines.push(line);
      if (line === "stop me") stop.abort();
    },
    ...changes,
  });
  return { end, lines };
}

/** Waits until a process has ended; one that nobody has asked for its exit code yet has. */
async function gone(pid: number): Promise<void> {
  await vi.waitFor(
    async () => {
      const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => ") Z");
      expect(status.split(") ").at(-1)?.charAt(0)).toBe("Z");
    },
    { timeout: 30_000 },
  );
}

describe("a program", () => {
  it("reads the file and is heard line by line, however long lines are", async () => {
    const { end, lines } = start(
      `cat; printf 'ü\\n'; head -c 300000 /dev/zero | tr '\\0' x; echo; echo bad >&2; exit 3`,
    );
    await expect(end).resolves.toEqual({ exitCode: 3, signal: null, stderr: "bad\n" });
    expect(lines).toEqual(["given", "ü", "x".repeat(300_000)]);
  });

  it("is told to stop with all that it has started", async () => {
    const { end, lines } = start("sleep 1000 & echo $!; echo stop me; wait");
    await expect(end).resolves.toMatchObject({ exitCode: null, signal: "SIGTERM" });
    await gone(Number(lines[0]));
  });

  it("is killed when it does not stop", async () => {
    const { end } = start("trap '' TERM; echo stop me; while :; do sleep 0.01; done", { graceMs: () => 50 });
    await expect(end).resolves.toMatchObject({ exitCode: null, signal: "SIGKILL" });
  });

  it("is stopped at once when the time has come before it", async () => {
    const { end } = start("sleep 1000", { signal: AbortSignal.abort() });
    await expect(end).resolves.toMatchObject({ signal: "SIGTERM" });
  });

  it("leaves nothing behind, and is not waited for by what holds on to its output", async () => {
    const { end, lines } = start(
      `sleep 1000 & echo $!; setsid sh -c 'echo $$ > other; sleep 1000' & while ! [ -s other ]; do :; done`,
    );
    await expect(end).resolves.toMatchObject({ exitCode: 0 });
    await gone(Number(lines[0]));
    const escaped = Number(await readFile(join(folder, "other"), "utf8"));
    process.kill(-escaped, "SIGKILL");
  });

  it("that is not there cannot be started", async () => {
    await expect(start("", { command: join(folder, "none") }).end).rejects.toMatchObject({ code: "ENOENT" });
  });
});
