import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";

const program = fileURLToPath(new URL("../images/agent/agent-runner", import.meta.url));
const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** Starts the image's program with a shell script in the place of Node. */
async function start(node: string, ...args: string[]): Promise<{ child: ChildProcess; ended: Promise<unknown[]> }> {
  const folder = await mkdtemp(join(tmpdir(), "agent-runner-"));
  cleanUps.push(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "node"), `#!/bin/sh\n${node}\n`, { mode: 0o755 });
  const env = { PATH: `${folder}:${process.env["PATH"]}` };
  const child = spawn("sh", [program, ...args], { env, stdio: ["ignore", "pipe", "inherit"] });
  return { child, ended: once(child, "exit") };
}

async function says(child: ChildProcess, word: string): Promise<void> {
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (more: string) => (text += more));
  await expect.poll(() => text).toContain(word);
}

describe("the agent's image", () => {
  it.each(["gateway", "run"])("runs the runner in mode %s and ends as it does", async (mode) => {
    const { child, ended } = await start('echo "$@"; exit 3', mode, "more");
    await says(child, `/opt/orchestrator/agent-runner/agent-runner.mjs ${mode} more\n`);
    expect(await ended).toEqual([3, null]);
  });

  it("ends a gateway that has not asked for signals yet", async () => {
    const { child, ended } = await start("echo begun; exec sleep 60", "gateway");
    await says(child, "begun");
    child.kill("SIGTERM");
    expect(await ended).toEqual([143, null]);
  });

  it("waits for a gateway that takes its time to end, however often it is asked to", async () => {
    const patient = 'trap "echo heard; sleep 1; exit 7" TERM; echo begun; while :; do sleep 0.1; done';
    const { child, ended } = await start(patient, "gateway");
    await says(child, "begun");
    child.kill("SIGTERM");
    await says(child, "heard");
    child.kill("SIGTERM");
    expect(await ended).toEqual([7, null]);
  });
});
