import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { Ajv, type ValidateFunction } from "ajv";
import { Agent, request } from "undici";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ensureCertificates } from "../control-plane/certificates.ts";
import { type Forge, startForge } from "./forge.ts";

const run = promisify(execFile);

let directory: string;
let tls: { key: string; cert: string };
let caFile: string;
let agent: Agent;
let forge: Forge;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "forge-"));
  const certificates = await ensureCertificates(join(directory, "certificates"), new Date());
  caFile = certificates.caFile;
  tls = {
    key: await readFile(certificates.server.keyFile, "utf8"),
    cert: await readFile(certificates.server.certFile, "utf8"),
  };
  // A connection for each request: reading GitHub's description takes so long that those kept open end unseen.
  agent = new Agent({ pipelining: 0, connect: { ca: await readFile(caFile, "utf8") } });
  forge = await startForge({ directory: join(directory, "forge"), tls, env: process.env });
});

afterAll(async () => {
  await forge.close();
  await agent.close();
  await rm(directory, { recursive: true });
});

interface Answer {
  status: number;
  body: unknown;
}

async function api(
  path: string,
  options: { method?: string; body?: unknown; token?: string | null } = {},
): Promise<Answer> {
  const token = options.token === undefined ? forge.token : options.token;
  const answer = await request(`${forge.apiUrl}${path}`, {
    method: (options.method ?? "GET") as "GET",
    dispatcher: agent,
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    body: options.body === undefined ? null : JSON.stringify(options.body),
  });
  return { status: answer.statusCode, body: await answer.body.json() };
}

async function control(path: string, body: unknown): Promise<number> {
  const answer = await request(`${forge.url}/control/${path}`, {
    method: "POST",
    dispatcher: agent,
    headers: { authorization: `Bearer ${forge.token}` },
    body: JSON.stringify(body),
  });
  await answer.body.dump();
  return answer.statusCode;
}

function authorized(url: string, token = forge.token): string {
  return url.replace("https://", `https://x-access-token:${token}@`);
}

async function git(...args: string[]): Promise<string> {
  const env = { ...process.env, GIT_SSL_CAINFO: caFile, GIT_TERMINAL_PROMPT: "0", GIT_CONFIG_GLOBAL: "/dev/null" };
  const { stdout } = await run("git", ["-c", "user.name=T", "-c", "user.email=t@t", ...args], { env });
  return stdout;
}

/** A repository with the branch `work`, which changes one file, adds one and removes one. */
async function repositoryWithWork(name: string): Promise<{ url: string; clone: string }> {
  const url = await forge.createRepository(name, {
    "README.md": "# Shop\n",
    "src/ä b.txt": "old\n",
    "gone.txt": "x\n",
  });
  const clone = join(directory, `clone-${name.replace("/", "-")}`);
  await git("clone", "--quiet", authorized(url), clone);
  await writeFile(join(clone, "src", "ä b.txt"), "new\nlines\n");
  await writeFile(join(clone, "added.txt"), "added\n");
  await rm(join(clone, "gone.txt"));
  await git("-C", clone, "switch", "--quiet", "-c", "work/one");
  await git("-C", clone, "add", "--all");
  await git("-C", clone, "commit", "--quiet", "-m", "Work");
  await git("-C", clone, "push", "--quiet", "origin", "work/one");
  return { url, clone };
}

const pullBody = { title: "Work", body: "done", head: "work/one", base: "main" };

test("a private repository is read and pushed to with the token only", async () => {
  const { url, clone } = await repositoryWithWork("private");
  await expect(git("ls-remote", url)).rejects.toThrow(/could not read Username/);
  await expect(git("ls-remote", authorized(url, "wrong"))).rejects.toThrow(/Authentication failed/);
  await expect(git("-C", clone, "push", url, "HEAD:refs/heads/other")).rejects.toThrow(/could not read Username/);
  expect(await git("ls-remote", "--heads", authorized(url))).toMatch(/refs\/heads\/main\n.*refs\/heads\/work\/one\n/);
  await expect(git("ls-remote", authorized(`${forge.url}/local/absent.git`))).rejects.toThrow(/not found/);
});

test("a public repository is read by anyone and pushed to with the token only", async () => {
  const url = await forge.createRepository("public", { "a.txt": "a" }, { private: false });
  const clone = join(directory, "clone-public");
  await git("clone", "--quiet", url, clone);
  expect(await readFile(join(clone, "a.txt"), "utf8")).toBe("a");
  await expect(git("-C", clone, "push", url, "HEAD:refs/heads/other")).rejects.toThrow(/could not read Username/);
});

test("a large push, which Git sends compressed and chunked, arrives whole", async () => {
  const url = await forge.createRepository("large", { "a.txt": "a" });
  const clone = join(directory, "clone-large");
  await git("clone", "--quiet", authorized(url), clone);
  const content = Array.from({ length: 120_000 }, (_, index) => `${index * 7919} line\n`).join("");
  await writeFile(join(clone, "big.txt"), content);
  await git("-C", clone, "add", "--all");
  await git("-C", clone, "commit", "--quiet", "-m", "Big");
  await git("-C", clone, "-c", "http.postBuffer=65536", "push", "--quiet", "origin", "HEAD:big");
  const pushed = await git("-C", forge.repositoryPath("large"), "rev-parse", "big:big.txt");
  expect(pushed).toBe(await git("hash-object", join(clone, "big.txt")));
});

test("a request whose body is compressed by the client is understood", async () => {
  const url = await forge.createRepository("compressed", { "a.txt": "a" });
  const answer = await request(`${url}/git-upload-pack`, {
    method: "POST",
    dispatcher: agent,
    headers: {
      authorization: `Basic ${Buffer.from(`x:${forge.token}`).toString("base64")}`,
      "content-type": "application/x-git-upload-pack-request",
      "content-encoding": "gzip",
      "git-protocol": "version=2",
    },
    body: gzipSync("0014command=ls-refs\n0000"),
  });
  expect(answer.statusCode).toBe(200);
  expect(await answer.body.text()).toContain("refs/heads/main");
});

test("answers of the REST API are what GitHub's published description says", async () => {
  await repositoryWithWork("acme/shapes");
  const repository = "/repos/acme/shapes";
  const described = gitHubDescription();
  const created = await api(`${repository}/pulls`, { method: "POST", body: pullBody });
  const seen: [string, Answer][] = [
    ["get /user 200", await api("/user")],
    ["get /repos/{owner}/{repo} 200", await api(repository)],
    ["get /repos/{owner}/{repo}/branches 200", await api(`${repository}/branches`)],
    ["get /repos/{owner}/{repo}/branches/{branch} 200", await api(`${repository}/branches/work/one`)],
    ["post /repos/{owner}/{repo}/pulls 201", created],
    ["get /repos/{owner}/{repo}/pulls 200", await api(`${repository}/pulls?head=acme:work/one&base=main&state=open`)],
    ["get /repos/{owner}/{repo}/pulls/{pull_number} 200", await api(`${repository}/pulls/1`)],
    ["get /repos/{owner}/{repo}/pulls/{pull_number}/files 200", await api(`${repository}/pulls/1/files`)],
    [
      "patch /repos/{owner}/{repo}/pulls/{pull_number} 200",
      await api(`${repository}/pulls/1`, { method: "PATCH", body: { body: "more" } }),
    ],
    ["post /repos/{owner}/{repo}/pulls 422", await api(`${repository}/pulls`, { method: "POST", body: pullBody })],
    ["get /repos/{owner}/{repo}/pulls/{pull_number} 404", await api(`${repository}/pulls/7`)],
    ["get /user 401", await api("/user", { token: "wrong" })],
  ];
  for (const [operation, answer] of seen) {
    expect(`${operation.split(" ").slice(0, 2).join(" ")} ${answer.status}`).toBe(operation);
    const validate = described(operation);
    validate(answer.body);
    expect({ operation, errors: validate.errors ?? [] }).toEqual({ operation, errors: [] });
  }
  expect(created.body).toMatchObject({
    number: 1,
    state: "open",
    changed_files: 3,
    additions: 3,
    deletions: 2,
    commits: 1,
  });
});

test("a pull request that cannot be opened is refused as GitHub refuses it", async () => {
  const { clone } = await repositoryWithWork("refusals");
  await git("-C", clone, "push", "--quiet", "origin", "main:same");
  const post = (body: unknown): Promise<Answer> => api("/repos/local/refusals/pulls", { method: "POST", body });
  expect(await post({ ...pullBody, head: "same" })).toMatchObject({
    status: 422,
    body: { message: "Validation Failed", errors: [{ code: "custom", message: "No commits between main and same" }] },
  });
  expect(await post({ ...pullBody, base: "absent" })).toMatchObject({
    status: 422,
    body: { errors: [{ field: "base" }] },
  });
  expect(await post({ ...pullBody, title: "" })).toMatchObject({ status: 422, body: { errors: [{ field: "title" }] } });
  expect((await post(pullBody)).status).toBe(201);
  expect(await post(pullBody)).toMatchObject({
    status: 422,
    body: { errors: [{ message: "A pull request already exists for local:work/one." }] },
  });
  expect(await api("/repos/local/refusals/pulls", { token: null })).toMatchObject({ status: 404 });
});

test("a closed pull request is no longer listed as open and makes room for another", async () => {
  await repositoryWithWork("closing");
  const pulls = "/repos/local/closing/pulls";
  await api(pulls, { method: "POST", body: pullBody });
  const closed = await api(`${pulls}/1`, { method: "PATCH", body: { state: "closed" } });
  expect(closed.body).toMatchObject({
    state: "closed",
    body: "done",
    closed_at: expect.stringMatching(/^20/) as string,
  });
  expect(await api(pulls)).toEqual({ status: 200, body: [] });
  expect((await api(pulls, { method: "POST", body: pullBody })).body).toMatchObject({ number: 2 });
  expect(forge.pullRequests("closing").map(({ number, state }) => [number, state])).toEqual([
    [1, "closed"],
    [2, "open"],
  ]);
});

test("a pull request has a page and a diff for people", async () => {
  await repositoryWithWork("pages");
  await api("/repos/local/pages/pulls", { method: "POST", body: pullBody });
  const read = async (path: string): Promise<string> => {
    const headers = { authorization: `Bearer ${forge.token}` };
    return await (await request(`${forge.url}${path}`, { dispatcher: agent, headers })).body.text();
  };
  expect(await read("/local/pages/pull/1")).toMatch(/^#1 Work \(open\): work\/one into main\n\ndone\n\ndiff --git/);
  expect(await read("/local/pages/pull/1.diff")).toContain("+added\n");
});

test("faults are made on demand and end on demand", async () => {
  const { clone } = await repositoryWithWork("faulty");
  expect(await control("faults", { refusePush: "main is frozen", pullRequestStatus: 500 })).toBe(200);
  await expect(git("-C", clone, "push", "origin", "HEAD:refs/heads/other")).rejects.toThrow(/main is frozen/);
  expect(await api("/repos/local/faulty/pulls")).toMatchObject({ status: 500, body: { message: "Server Error" } });
  expect(await control("faults", { unknown: 1 })).toBe(400);
  forge.faults = {};
  await git("-C", clone, "push", "--quiet", "origin", "HEAD:refs/heads/other");
  expect((await api("/repos/local/faulty/pulls")).status).toBe(200);
});

test("a forge started again on its folder goes on with everything it had", async () => {
  await repositoryWithWork("lasting");
  await api("/repos/local/lasting/pulls", { method: "POST", body: pullBody });
  const before = { url: forge.url, token: forge.token };
  await forge.close();
  forge = await startForge({ directory: join(directory, "forge"), tls, env: process.env });
  expect({ url: forge.url, token: forge.token }).toEqual(before);
  expect((await api("/repos/local/lasting/pulls/1")).body).toMatchObject({ title: "Work", state: "open" });
  const url = await forge.createRepository("lasting", { "other.txt": "ignored" });
  expect(await git("ls-remote", "--heads", authorized(url))).toContain("refs/heads/work/one");
});

/** Validators for the JSON answers in GitHub's OpenAPI description, by `method path status`. */
function gitHubDescription(): (operation: string) => ValidateFunction {
  const description = createRequire(import.meta.url)("@octokit/openapi/generated/api.github.com.deref.json") as {
    paths: Record<
      string,
      Record<string, { responses: Record<string, { content: Record<string, { schema: object }> }> }>
    >;
  };
  // OpenAPI's own keywords are no JSON Schema, and its formats are annotations.
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  return (operation) => {
    const [method = "", path = "", status = ""] = operation.split(" ");
    const schema = description.paths[path]?.[method]?.responses[status]?.content["application/json"]?.schema;
    if (schema === undefined) throw new Error(`GitHub describes no ${operation}`);
    return ajv.compile(jsonSchema(schema) as object);
  };
}

/** OpenAPI 3.0 says `nullable` where JSON Schema says `null`. */
function jsonSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(jsonSchema);
  if (typeof schema !== "object" || schema === null) return schema;
  const { nullable, ...others } = schema as Record<string, unknown>;
  const converted = Object.fromEntries(Object.entries(others).map(([name, value]) => [name, jsonSchema(value)]));
  return nullable === true ? { anyOf: [converted, { type: "null" }] } : converted;
}
