import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { type Component, logPath, startComponent, stopComponent } from "./component.ts";
import { ComponentFailed } from "./component-failed.ts";
import { pidFile, readRunning } from "./pid-file.ts";
import { identifyProcess, isRunning } from "./process-identity.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "component-"));
  return async () => {
    await stopComponent("part", { directory, graceMs: 0, signal });
    await rm(directory, { recursive: true, force: true });
  };
});

const env = process.env;
const signal = new AbortController().signal;

function start(script: string, changes: Partial<Component> = {}, timeoutMs = 10_000) {
  const part: Component = {
    name: "part",
    command: "sh",
    args: ["-c", script],
    ready: () => Promise.resolve(),
    ...changes,
  };
  return startComponent(part, { directory, lifetime: "detached", signal, env, timeoutMs });
}

/** Ready once the log holds `text`. */
function whenLogged(text: string): () => Promise<void> {
  return async () => {
    const log = await readFile(logPath(directory, "part"), "utf8");
    if (!log.includes(text)) throw new Error(`the log does not say ${text}`);
  };
}

describe("a component", () => {
  test("is started once and known by pid and start time", async () => {
    const first = await start("exec sleep 60");
    const second = await start("exec sleep 60");
    expect(second).toEqual(first);
    expect(await readFile(pidFile(directory, "part"), "utf8")).toBe(`${first.pid} ${first.startTime}\n`);
  });

  test("is started again when it was killed", async () => {
    const first = await start("exec sleep 60");
    process.kill(first.pid, "SIGKILL");
    await expect.poll(() => isRunning(first)).toBe(false);
    const second = await start("exec sleep 60");
    expect(second).not.toEqual(first);
    expect(await isRunning(second)).toBe(true);
  });

  test("is waited for until it is ready", async () => {
    await start("echo soon; sleep 0.2; echo now; exec sleep 60", { ready: whenLogged("now") });
    expect(await readFile(logPath(directory, "part"), "utf8")).toBe("soon\nnow\n");
  });

  test("that ends before it is ready fails with its last words", async () => {
    const failed = start("echo first; sleep 0.2; echo the port is taken >&2; exit 1", { ready: whenLogged("never") });
    const error = await failed.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ComponentFailed);
    expect(error).toMatchObject({ component: "part", lastLines: "first\nthe port is taken" });
    expect(String(error)).toContain("part ended before it was ready");
  });

  test("that is never ready fails, says what was answered and keeps running", async () => {
    const failed = start("exec sleep 60", { ready: () => Promise.reject(new Error("GET /readyz answered 500")) }, 300);
    await expect(failed).rejects.toThrow(/did not become ready in time\.\nLast answer: GET \/readyz answered 500/);
    expect(await readRunning(directory, "part")).toBeDefined();
  });

  test("whose program does not exist fails with what the shell said", async () => {
    await expect(start("", { command: "/nowhere/etcd", ready: whenLogged("never") })).rejects.toThrow(
      /\/nowhere\/etcd/,
    );
  });

  test("is not started when the start is called off", async () => {
    const signal = AbortSignal.abort(new Error("called off"));
    const ready = (): Promise<void> => Promise.reject(new Error("not yet"));
    const part = { name: "part", command: "sleep", args: ["60"], ready };
    await expect(startComponent(part, { directory, lifetime: "detached", signal, env })).rejects.toThrow("called off");
    expect(await readRunning(directory, "part")).toBeUndefined();
  });

  test("is asked to end, and killed when it does not", async () => {
    const meek = await start("trap 'echo bye; exit 0' TERM; echo set; while :; do sleep 0.05; done", {
      ready: whenLogged("set"),
    });
    expect(await stopComponent("part", { directory, signal })).toBe("stopped");
    expect(await isRunning(meek)).toBe(false);
    expect(await readFile(logPath(directory, "part"), "utf8")).toBe("set\nbye\n");

    const deaf = await start("trap '' TERM; echo deaf; while :; do sleep 0.05; done", { ready: whenLogged("deaf") });
    expect(await stopComponent("part", { directory, graceMs: 200, signal })).toBe("stopped");
    expect(await isRunning(deaf)).toBe(false);
    await expect(stat(pidFile(directory, "part"))).rejects.toThrow("ENOENT");
  });

  test("is not waited for when its stop is called off", async () => {
    const deaf = await start("trap '' TERM; echo deaf; while :; do sleep 0.05; done", { ready: whenLogged("deaf") });
    const called = new AbortController();
    const stopped = stopComponent("part", { directory, graceMs: 60_000, signal: called.signal });
    called.abort(new Error("called off"));
    await expect(stopped).rejects.toThrow("called off");
    expect(await isRunning(deaf)).toBe(true);
    expect(await readRunning(directory, "part")).toEqual(deaf);
  });

  test("whose pid was given to another process leaves that one alone", async () => {
    const other = spawn("sleep", ["60"]);
    onTestFinished(() => void other.kill("SIGKILL"));
    await once(other, "spawn");
    const { pid, startTime } = (await identifyProcess(other.pid ?? 0)) ?? { pid: 0, startTime: "" };
    await writeFile(pidFile(directory, "part"), `${pid} ${Number(startTime) - 1}\n`);
    expect(await readRunning(directory, "part")).toBeUndefined();
    expect(await stopComponent("part", { directory, signal })).toBe("did not run");
    expect(await isRunning({ pid, startTime })).toBe(true);
  });

  test.each(["", "17", "17 \n", "x 1\n", "-1 5\n", "0 1\n"])(
    "whose pid file is damaged does not run: %j",
    async (text) => {
      await writeFile(pidFile(directory, "part"), text);
      expect(await stopComponent("part", { directory, signal })).toBe("did not run");
    },
  );

  test("that is bound dies with the process that started it, and a detached one does not", async () => {
    const module = new URL("./component.ts", import.meta.url).href;
    const script = `
      const { startComponent } = await import(${JSON.stringify(module)});
      const common = { command: "sleep", args: ["60"], ready: async () => {} };
      const options = { directory: ${JSON.stringify(directory)}, signal: new AbortController().signal, env: process.env };
      await startComponent({ ...common, name: "part" }, { ...options, lifetime: "detached" });
      await startComponent({ ...common, name: "bound" }, { ...options, lifetime: "bound" });
      process.kill(process.pid, "SIGKILL");`;
    const starter = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
    expect(await once(starter, "exit")).toEqual([null, "SIGKILL"]);
    await expect.poll(() => readRunning(directory, "bound")).toBeUndefined();
    expect(await readRunning(directory, "part")).toBeDefined();
  });
});
