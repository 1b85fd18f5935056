import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  chooseControlPlanePorts,
  type ControlPlaneOptions,
  getBinaries,
  startControlPlane,
} from "@orchestrator/local-cluster";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { kubectlOk } from "../support/cluster.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "control-plane-"));
  return () => rm(directory, { recursive: true, force: true });
});

async function options(): Promise<ControlPlaneOptions> {
  const signal = AbortSignal.timeout(100_000);
  const env = process.env;
  return { directory, env, signal, binaries: await getBinaries({ env, signal, log: () => {} }) };
}

/** Command lines of processes that have to do with the directory. */
async function processes(): Promise<string[]> {
  const numbers = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(numbers.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return lines.filter((line) => line.includes(directory)).map((line) => line.replaceAll("\0", " "));
}

test("it answers kubectl, its log tells requests by user, and it stops without leaving a process", async () => {
  const plane = await startControlPlane(await options());
  onTestFinished(() => plane.stop({ graceMs: 0 }));
  await kubectlOk(["create", "configmap", "mine"], { cluster: plane });
  const audited = (await readFile(plane.auditLog, "utf8"))
    .trim()
    .split("\n")
    .map(
      (line) =>
        JSON.parse(line) as { verb: string; stage: string; user: { username: string }; objectRef?: { name?: string } },
    );
  const created = audited.filter(({ verb, objectRef }) => verb === "create" && objectRef?.name === "mine");
  expect(created.map(({ user, stage }) => [user.username, stage])).toEqual([["local-admin", "ResponseComplete"]]);
  expect(await processes()).toHaveLength(4);
  await plane.stop();
  expect(await processes()).toEqual([]);
});

test("a part that cannot start is named with its last words, and the others are stopped", async () => {
  const taken = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  await once(taken, "listening");
  onTestFinished(() => void taken.close());
  const { port } = taken.address() as AddressInfo;
  const free = await chooseControlPlanePorts();
  const starting = startControlPlane({ ...(await options()), ports: { ...free, apiServer: port } });
  await expect(starting).rejects.toThrow(/^kube-apiserver ended before it was ready[^]*address already in use/);
  expect(await processes()).toEqual([]);
});
