import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type SandboxOptions, startSandbox } from "./sandbox.ts";
import { CommandMissing } from "./sandbox-error.ts";
import { findTools } from "./tools.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sandbox-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function start(command: string[], changes: Partial<SandboxOptions> = {}) {
  const written = { stdout: Promise.resolve(""), stderr: Promise.resolve("") };
  const sandbox = await startSandbox({
    directory: join(folder, "box"),
    tools: await findTools(),
    command,
    environment: { PATH: "/usr/bin:/bin" },
    workingDirectory: "/",
    binds: [],
    readOnlyRoot: false,
    dropCapabilities: false,
    noNewPrivileges: false,
    output: {
      stdout: async (stream) => void (await (written.stdout = text(stream))),
      stderr: async (stream) => void (await (written.stderr = text(stream))),
    },
    ...changes,
  });
  return { sandbox, written };
}

async function run(command: string[], changes: Partial<SandboxOptions> = {}) {
  const { sandbox, written } = await start(command, changes);
  const exitCode = await sandbox.ended;
  return { exitCode, stdout: await written.stdout, stderr: await written.stderr };
}

/** A folder of the test with one file in it. */
async function volume(name: string, file: string, content: string): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  await writeFile(join(path, file), content);
  return path;
}

describe("the command of a sandbox", () => {
  test("has exactly its environment, whatever the values hold", async () => {
    const environment = { PATH: "/usr/bin", QUOTES: `b 'c' "d" $e`, LINES: "1\n2" };
    const { stdout } = await run(["env", "-0"], { environment });
    const seen = new Map(stdout.split("\0").map((line) => [line.split("=")[0], line.split("=")[1]]));
    seen.delete("");
    expect(seen).toEqual(new Map(Object.entries(environment)));
  });

  test("never has a value of the environment among the arguments of a process", async () => {
    const environment = { PATH: "/usr/bin:/bin", SECRET: "s3cr3t-value" };
    const { stdout } = await run(["sh", "-c", "cat /proc/[0-9]*/cmdline; echo; echo end"], { environment });
    expect(stdout).toContain("end");
    expect(stdout).not.toContain("s3cr3t-value");
  });

  test("is process 1 and sees no other process of the machine", async () => {
    const { stdout } = await run(["sh", "-c", "echo $$; ls -d /proc/[0-9]* | wc -l"]);
    expect(stdout.split("\n")[0]).toBe("1");
    expect(Number(stdout.split("\n")[1])).toBeLessThan(5);
  });

  test("keeps its arguments word by word", async () => {
    const words = ["a b", "", "'", "$HOME", "*", "\\"];
    const { stdout } = await run(["printf", "%s|", ...words]);
    expect(stdout).toBe(words.map((word) => `${word}|`).join(""));
  });

  test("gives its exit code, and 128 + n when a signal ends it", async () => {
    expect((await run(["sh", "-c", "exit 7"])).exitCode).toBe(7);
    const { sandbox } = await start(["sh", "-c", "sleep 60"]);
    sandbox.kill();
    expect(await sandbox.ended).toBe(137);
  });

  test("has left no process behind when it has ended, also one that has let go of the output", async () => {
    const seconds = `7${Date.now()}`;
    const many = Array.from({ length: 50 }, () => `setsid sleep ${seconds} > /dev/null 2>&1 &`).join(" ");
    const { sandbox } = await start(["sh", "-c", `${many} exec > /dev/null 2>&1; wait`]);
    await expect.poll(() => sleepersOf(seconds), { timeout: 30_000 }).toBe(50);
    sandbox.kill();
    expect(await sandbox.ended).toBe(137);
    expect(await sleepersOf(seconds)).toBe(0);
  });

  test("is killed when its output cannot be taken", async () => {
    const seconds = `8${Date.now()}`;
    const { sandbox } = await start(["sh", "-c", `echo one; exec sleep ${seconds}`], {
      output: {
        stdout: async (stream) => {
          for await (const _ of stream) throw new Error("no space");
        },
        stderr: async (stream) => void (await text(stream)),
      },
    });
    await expect(sandbox.ended).rejects.toThrow("no space");
    expect(await sleepersOf(seconds)).toBe(0);
  });

  test("may write to /dev/stdout and /dev/stderr by name", async () => {
    const { stdout, stderr } = await run(["sh", "-c", "echo one > /dev/stdout; echo two > /dev/stderr"]);
    expect([stdout, stderr]).toEqual(["one\n", "two\n"]);
  });

  test("runs in its working directory, which is made", async () => {
    const { stdout } = await run(["pwd"], { workingDirectory: "/srv/a b" });
    expect(stdout).toBe("/srv/a b\n");
  });

  test("that does not exist is told by its name", async () => {
    await expect(start(["no-such-program"])).rejects.toThrow(new CommandMissing("no-such-program").message);
  });

  test("is looked for on the PATH of its environment", async () => {
    const programs = await volume("programs", "greet", "#!/bin/sh\necho hello\n");
    await chmod(join(programs, "greet"), 0o755);
    const { stdout } = await run(["greet"], {
      environment: { PATH: "/opt/programs:/bin" },
      binds: [{ source: programs, target: "/opt/programs", readOnly: true }],
    });
    expect(stdout).toBe("hello\n");
  });

  test("gets SIGTERM and may end in its own way", async () => {
    const { sandbox, written } = await start([
      "sh",
      "-c",
      "trap 'echo ended; exit 3' TERM; touch /tmp/up; while :; do sleep 0.05; done",
    ]);
    const up = await sandbox.run(["sh", "-c", "while ! test -e /tmp/up; do :; done"], commandLimits());
    expect(up.exitCode).toBe(0);
    sandbox.signal("SIGTERM");
    expect(await sandbox.ended).toBe(3);
    expect(await written.stdout).toContain("ended");
  });
});

describe("the root of a sandbox", () => {
  test("has this machine's programs, read-only, and nothing of its users", async () => {
    const { stdout, stderr } = await run(["sh", "-c", "ls /home /root /run; touch /usr/x /etc/ssl/x; cat /etc/passwd"]);
    expect(stderr).toMatch(/\/usr\/x.*Read-only/);
    expect(stderr).toMatch(/\/etc\/ssl\/x.*(Read-only|No such)/);
    expect(stdout).toContain("root:x:0:0:root:/root:/bin/sh\nnobody:");
    expect(stdout.split("\n").filter((line) => line.startsWith("root:"))).toHaveLength(1);
  });

  test("shows volumes where they belong, also below system folders and below each other", async () => {
    const inputs = await volume("inputs", "x y", "hello ");
    const work = await volume("work", "a", "work ");
    const inner = await volume("inner", "b", "inner");
    const { stdout } = await run(
      ["sh", "-c", "cat '/etc/some thing/x y' /work/a /work/deep/er/b; test -x /usr/local/bin/truth; ls /usr/bin/env"],
      {
        binds: [
          { source: inputs, target: "/etc/some thing", readOnly: true },
          { source: work, target: "/work", readOnly: false },
          { source: inner, target: "/work/deep/er", readOnly: true },
          { source: "/bin/true", target: "/usr/local/bin/truth", readOnly: true },
        ],
      },
    );
    expect(stdout).toBe("hello work inner/usr/bin/env\n");
  });

  test("lets a volume be written unless it is read-only", async () => {
    const open = await volume("open", "a", "");
    const closed = await volume("closed", "a", "");
    const { stderr } = await run(["sh", "-c", "echo new > /open/b; echo new > /closed/b"], {
      binds: [
        { source: open, target: "/open", readOnly: false },
        { source: closed, target: "/closed", readOnly: true },
      ],
    });
    expect(await readFile(join(open, "b"), "utf8")).toBe("new\n");
    expect(stderr).toMatch(/\/closed\/b.*Read-only/);
  });

  test("is read-only when asked for, volumes apart", async () => {
    const work = await volume("work", "a", "");
    const binds = [{ source: work, target: "/work", readOnly: false }];
    const command = ["sh", "-c", "touch /x && echo root; touch /work/x && echo volume"];
    expect((await run(command, { binds })).stdout).toBe("root\nvolume\n");
    expect((await run(command, { binds, readOnlyRoot: true })).stdout).toBe("volume\n");
  });

  test("cannot be changed back without capabilities", async () => {
    const command = ["sh", "-c", "mount -o remount,bind,rw / && echo open"];
    const confined = await run(command, { readOnlyRoot: true, dropCapabilities: true, noNewPrivileges: true });
    expect(confined.stdout).toBe("");
    expect((await run(command, { readOnlyRoot: true })).stdout).toBe("open\n");
  });
});

function commandLimits() {
  return { timeoutMs: 10_000, signal: AbortSignal.timeout(20_000) };
}

describe("a further command in a sandbox", () => {
  test("sees the same files, processes and variables", async () => {
    const { sandbox } = await start(["sh", "-c", "echo here > /tmp/mark; exec sleep 60"], {
      environment: { PATH: "/bin", COLOUR: "red" },
    });
    const command = [
      "sh",
      "-c",
      'while ! test -s /tmp/mark; do :; done; cat /tmp/mark; echo $COLOUR; tr "\\0" " " < /proc/1/cmdline',
    ];
    const { exitCode, output } = await sandbox.run(command, commandLimits());
    expect(output).toBe("here\nred\nsleep 60 ");
    expect(exitCode).toBe(0);
    sandbox.kill();
    await sandbox.ended;
  });

  test("is not waited for beyond its time by what it has left behind", async () => {
    const { sandbox } = await start(["sleep", "60"]);
    const left = await sandbox.run(["sh", "-c", "sleep 61 & echo begun"], { ...commandLimits(), timeoutMs: 500 });
    expect(left).toMatchObject({ outcome: "timedOut", output: "begun\n" });
    sandbox.kill();
    expect(await sandbox.ended).toBe(137);
  });

  test("is ended with all that it has started when it takes too long", async () => {
    const { sandbox } = await start(["sleep", "60"]);
    const slow = await sandbox.run(["sh", "-c", "sleep 61 & sleep 61"], { ...commandLimits(), timeoutMs: 200 });
    expect(slow.outcome).toBe("timedOut");
    const { output } = await sandbox.run(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"], commandLimits());
    expect(output).toContain("sleep 60");
    expect(output).not.toContain("sleep 61");
    sandbox.kill();
    await sandbox.ended;
  });
});

/** A program that starts a sandbox, says when it is up, and waits. */
const holder = fileURLToPath(new URL("../testing/hold-sandbox.ts", import.meta.url));

/** How many processes of the machine are `sleep seconds`. */
async function sleepersOf(seconds: string): Promise<number> {
  const pids = (await readdir("/proc")).filter((name) => /^[0-9]+$/.test(name));
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return commands.filter((command) => command === `sleep\0${seconds}\0`).length;
}

const users = process.getuid?.() === 0 ? ["root", "nobody"] : ["an ordinary user"];

describe.each(users)("a sandbox of a program run by %s", (user) => {
  test("dies with it, even by SIGKILL", async () => {
    await chmod(folder, 0o777);
    const seconds = `6${Date.now()}`;
    const become = user === "nobody" ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
    const node = [process.execPath, "--conditions=@orchestrator/source", holder, join(folder, "box"), seconds];
    const [program = "", ...args] = [...become, ...node];
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    await expect.poll(() => sleepersOf(seconds), { timeout: 30_000 }).toBe(2);
    child.kill("SIGKILL");
    await once(child, "exit");
    await expect.poll(() => sleepersOf(seconds), { timeout: 30_000 }).toBe(0);
  });
});
