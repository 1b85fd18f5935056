import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { Agent, request } from "undici";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { parseAllDocuments } from "yaml";

interface Manifest {
  kind: string;
  metadata: { name: string };
  spec?: { template: { spec: { containers: { args: string[] }[] } } };
}

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "rehearsal-"));
  await render();
});
afterAll(() => rm(directory, { recursive: true }));

const source = ["--conditions=@orchestrator/source", "--disable-warning=ExperimentalWarning"];

async function render(): Promise<void> {
  const path = [dirname(inject("cluster").kubectl), process.env["PATH"]].join(delimiter);
  const args = [...source, "scripts/rehearsal.ts", `--output=${directory}`];
  await promisify(execFile)(process.execPath, args, { env: { ...process.env, PATH: path } });
}

const file = (name: string): Promise<string> => readFile(join(directory, name), "utf8");

test("what was rendered stays, for a cluster knows it, and its secrets are their owner's alone", async () => {
  const before = await file("rehearsal.yaml");
  await render();
  expect(await file("rehearsal.yaml")).toBe(before);
  for (const name of ["rehearsal.yaml", "token", "api-key"]) {
    expect((await stat(join(directory, name))).mode & 0o077, name).toBe(0);
  }
});

test("the forge starts with its token and the repository of the samples", async () => {
  const manifests = parseAllDocuments(await file("rehearsal.yaml")).map((document) => document.toJS() as Manifest);
  const forge = manifests.find(({ kind, metadata: { name } }) => kind === "Deployment" && name === "forge");
  const [program, ...args] = forge?.spec?.template.spec.containers[0]?.args ?? [];
  expect(program).toBe("/opt/orchestrator/rehearsal/forge.mjs");
  const places: Record<string, string> = {
    "--certificate": join(directory, "pki", "server.crt"),
    "--key": join(directory, "pki", "server.key"),
    "--directory": join(directory, "data"),
    "--token": join(directory, "token"),
    "--host": "127.0.0.1",
    "--port": "0",
  };
  const here = args.map((arg) => {
    const [name = "", value] = arg.split("=");
    const given = places[name] ?? value;
    return given === undefined ? name : `${name}=${given}`;
  });
  const child = spawn(process.execPath, [...source, "packages/local-cluster/src/forge/main.ts", ...here], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close").then(([code]) => {
    throw new Error(`the forge ended with ${code}`);
  });
  try {
    await Promise.race([once(child.stdout, "data"), ended]);
    const { port } = JSON.parse(await file("data/forge.json")) as { port: number };
    const { FORGE_HOST, REPOSITORY_URL = "" } = Object.fromEntries(
      [...(await file("variables")).matchAll(/^export (?<name>\w+)='(?<value>.*)'$/gm)].map(({ groups }) => [
        groups?.["name"] ?? "",
        groups?.["value"] ?? "",
      ]),
    ) as Record<string, string>;
    const { hostname: forgeName } = new URL(`https://${FORGE_HOST}`);
    const dispatcher = new Agent({ connect: { ca: await file("pki/ca.crt"), servername: forgeName } });
    const authorization = `Bearer ${await file("token")}`;
    const ask = async (path: string, headers: Record<string, string> = {}) =>
      (await request(`https://127.0.0.1:${port}${path}`, { dispatcher, headers })).statusCode;
    expect(here).toContain(`--url=https://${FORGE_HOST}`);
    expect(await ask(`${new URL(REPOSITORY_URL).pathname}/info/refs?service=git-upload-pack`)).toBe(200);
    expect(await ask("/api/v3/repos/local/backlog/pulls", { authorization })).toBe(200);
    expect(await ask("/api/v3/repos/local/backlog/pulls", { authorization: "Bearer other" })).toBe(401);
    await dispatcher.close();
  } finally {
    child.kill();
    await expect(ended).rejects.toThrow("ended");
  }
});
