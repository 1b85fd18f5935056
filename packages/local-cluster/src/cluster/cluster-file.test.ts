import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { ensurePorts, readPorts } from "./cluster-file.ts";
import { bringDown } from "./down.ts";
import { clusterStatus } from "./status.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "cluster-file-"));
  return () => rm(directory, { recursive: true, force: true });
});

const signal = new AbortController().signal;

function down(lines: string[] = []): Promise<void> {
  return bringDown({ directory, env: process.env, signal, log: (line) => lines.push(line) });
}

test("ports are chosen once, all different", async () => {
  expect(await readPorts(directory)).toBeUndefined();
  const ports = await ensurePorts(directory);
  expect(new Set(Object.values(ports)).size).toBe(13);
  expect(await ensurePorts(directory)).toEqual(ports);
  expect(await readPorts(directory)).toEqual(ports);
});

test.each(["", "{", '{"version":2,"ports":{}}', '{"version":1,"ports":{"etcd":1}}'])(
  "a damaged file is named with the cure: %j",
  async (text) => {
    await writeFile(join(directory, "cluster.json"), text);
    await expect(readPorts(directory)).rejects.toThrow(`${directory}/cluster.json is damaged or of another version`);
    await down();
    expect(await readPorts(directory)).toBeUndefined();
  },
);

test("a folder that holds other things is never removed", async () => {
  await writeFile(join(directory, "thesis.tex"), "");
  await expect(down()).rejects.toThrow(`${directory} holds no local cluster`);
  await rm(join(directory, "thesis.tex"));
});

test("what is not there need not be stopped, and has no status", async () => {
  await rm(directory, { recursive: true });
  const lines: string[] = [];
  await down(lines);
  expect(lines).toEqual([`there is no local cluster in ${directory}`]);
  expect(await clusterStatus(directory, signal)).toBeUndefined();
});

test("the status of a cluster of which nothing runs names every part", async () => {
  const ports = await ensurePorts(directory);
  const rows = (await clusterStatus(directory, signal)) ?? [];
  expect(rows.map(({ name, healthy }) => [name, healthy])).toEqual(
    [
      "etcd",
      "kube-apiserver",
      "kube-controller-manager",
      "kube-scheduler",
      "forge",
      "rehearsal-model",
      "provisioner",
      "node",
      "docs-generation-operator",
      "task-implementation-operator",
    ].map((name) => [name, false]),
  );
  expect(rows.find(({ name }) => name === "kube-apiserver")?.address).toBe(`127.0.0.1:${ports.apiServer}`);
});
