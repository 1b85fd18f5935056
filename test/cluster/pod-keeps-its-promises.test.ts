import { readFile } from "node:fs/promises";
import type { Pod } from "@orchestrator/controller-runtime";
import type { RunObject } from "@orchestrator/core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type ClusterLab, openLab, stateOf } from "./support/cluster-lab.ts";

let lab: ClusterLab;
let run: RunObject;
let pod: Pod;
beforeAll(async () => {
  lab = await openLab("pod");
  await lab.model.hold("Look around");
  run = await lab.implement("look-around", {
    repository: await lab.repository("pod", [{ id: 1, title: "Look around" }]),
  });
  await lab.model.held("Look around");
  pod = await lab.pod(run);
});
afterAll(() => lab[Symbol.asyncDispose]());

async function say(container: string, script: string): Promise<string> {
  const { stdout, stderr } = await lab.exec(pod, container, ["sh", "-c", script]);
  return `${stdout}${stderr}`.trim();
}

test("its containers start in order: gateway, prepare, agent", () => {
  const started = (name: string): number => Date.parse(stateOf(pod, name).running?.startedAt ?? "");
  const { startedAt, finishedAt, exitCode } = stateOf(pod, "prepare").terminated ?? {};
  expect(exitCode).toBe(0);
  expect(started("gateway")).toBeLessThanOrEqual(Date.parse(startedAt ?? ""));
  expect(Date.parse(finishedAt ?? "")).toBeLessThanOrEqual(started("agent"));
});

test("gateway and agent have users of their own and one group, and no right that a process could use", async () => {
  expect(await say("gateway", "id -u; id -g")).toBe("2000\n3000");
  expect(await say("agent", "id -u; id -g")).toBe("1000\n3000");
  for (const container of ["gateway", "agent"]) {
    const status = await say(container, "cat /proc/self/status");
    expect(status).toMatch(/^CapEff:\t0+$/m);
    expect(status).toMatch(/^CapBnd:\t0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    expect(await say(container, "touch /x /usr/x /etc/x /opt/x")).toContain("Read-only file system");
    expect(await say(container, "ls /var/run/secrets/kubernetes.io")).toContain("No such file or directory");
  }
});

test("only the gateway can read the credentials; what it shows the agent cannot be changed by it", async () => {
  const credentials = "/run/orchestrator/credentials";
  expect(await say("gateway", `wc -c < ${credentials}/model/api-key`)).toMatch(/^[1-9]/);
  expect(await say("gateway", `wc -c < ${credentials}/repository/token`)).toMatch(/^[1-9]/);
  expect(await say("agent", `ls ${credentials}`)).toContain("No such file or directory");
  expect(await say("agent", "ls /run/orchestrator/gateway")).toContain("No such file or directory");
  expect(await say("agent", "touch /run/orchestrator/door/x")).toContain("Read-only file system");
  expect(await say("agent", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")).not.toContain("gateway");
  const { API_KEY_FILE = "", TOKEN_FILE = "" } = inject("stage").variables;
  for (const file of [API_KEY_FILE, TOKEN_FILE]) {
    const secret = (await readFile(file, "utf8")).trim();
    expect(secret.length, file).toBeGreaterThan(20);
    expect(await say("agent", "cat /proc/[0-9]*/environ | tr '\\0' '\\n'"), file).not.toContain(secret);
  }
});

test("the volumes belong to the shared group, and stay when the containers write", async () => {
  expect(await say("agent", "stat -c %g /workspace /tmp /run/orchestrator/door")).toBe("3000\n3000\n3000");
  expect(await say("gateway", "stat -c %g /run/orchestrator/gateway /tmp")).toBe("3000\n3000");
  expect(await say("agent", "touch /workspace/x /tmp/x && stat -c %u:%g /workspace/x && rm /workspace/x /tmp/x")).toBe(
    "1000:3000",
  );
});

test("it ends in order, with two reports", async () => {
  await lab.model.release("Look around");
  expect((await lab.end(run)).phase).toBe("Succeeded");
  const ended = await lab.pod(run, "has ended", ({ status }) => status?.phase === "Succeeded");
  const [agent, gateway] = ["agent", "gateway"].map((name) => stateOf(ended, name).terminated);
  expect(JSON.parse(agent?.message ?? "")).toMatchObject({ version: 1 });
  expect(JSON.parse(gateway?.message ?? "")).toMatchObject({ version: 1, delivery: { outcome: "Delivered" } });
  expect(Date.parse(agent?.finishedAt ?? "")).toBeLessThanOrEqual(Date.parse(gateway?.finishedAt ?? ""));
  expect(gateway?.exitCode).toBe(0);
});
