import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, request as send, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type GitHttpBackendOptions, type GitHttpBackendOutcome, serveGitHttp } from "./http-backend.ts";

const run = promisify(execFile);

let root: string;
let server: Server;
let url: string;
let overrides: Partial<GitHttpBackendOptions>;
let outcomes: Promise<GitHttpBackendOutcome>[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "http-backend-"));
  overrides = {};
  outcomes = [];
  await git("init", "--quiet", "--bare", "--initial-branch=main", join(root, "shop.git"));
  await git("-C", join(root, "shop.git"), "config", "http.receivepack", "true");
  server = createServer((request, response) => {
    const [path = "", query = ""] = (request.url ?? "").split("?");
    const env = { PATH: process.env["PATH"] };
    const outcome = serveGitHttp(request, response, { projectRoot: root, path, query, env, ...overrides });
    outcome.catch(() => {});
    outcomes.push(outcome);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await Promise.allSettled(outcomes);
  await rm(root, { recursive: true });
});

async function git(...args: string[]): Promise<string> {
  const env = { PATH: process.env["PATH"], HOME: root, GIT_CONFIG_NOSYSTEM: "1" };
  return (await run("git", ["-c", "user.name=T", "-c", "user.email=t@t", ...args], { env })).stdout;
}

/** A clone with one commit of a file of `bytes` bytes that do not compress well. */
async function cloneWithCommit(bytes: number): Promise<string> {
  const clone = join(root, "clone");
  await git("clone", "--quiet", `${url}/shop.git`, clone);
  let state = 1;
  const content = Uint8Array.from({ length: bytes }, () => (state = (state * 48_271) % 2_147_483_647));
  await writeFile(join(clone, "data"), content);
  await git("-C", clone, "add", "--all");
  await git("-C", clone, "commit", "--quiet", "--message", "Data");
  return clone;
}

test("what is pushed can be cloned, also in bodies without a length", async () => {
  const clone = await cloneWithCommit(300_000);
  await git("-C", clone, "-c", "http.postBuffer=65536", "push", "--quiet", "origin", "HEAD:main");
  await git("clone", "--quiet", `${url}/shop.git`, join(root, "again"));
  expect(await git("-C", join(root, "again"), "rev-parse", "HEAD")).toBe(await git("-C", clone, "rev-parse", "HEAD"));
  expect((await Promise.all(outcomes)).map(({ exitCode }) => exitCode)).not.toContain(1);
});

test("a compressed request is understood, in the protocol version it asks for", async () => {
  const clone = await cloneWithCommit(10);
  await git("-C", clone, "push", "--quiet", "origin", "HEAD:main");
  const answer = await fetch(`${url}/shop.git/git-upload-pack`, {
    method: "POST",
    headers: {
      "content-type": "application/x-git-upload-pack-request",
      "content-encoding": "gzip",
      "git-protocol": "version=2",
    },
    body: gzipSync("0014command=ls-refs\n0000"),
  });
  expect(answer.headers.get("content-type")).toBe("application/x-git-upload-pack-result");
  expect(await answer.text()).toContain("refs/heads/main");
});

test("a repository that is not there, or not below the folder, is not found", async () => {
  expect((await fetch(`${url}/absent.git/info/refs?service=git-upload-pack`)).status).toBe(404);
  overrides = { path: "/../shop.git/info/refs" };
  expect((await fetch(`${url}/x`)).status).not.toBe(200);
});

test("a hook knows the environment and the user, and its words reach the pusher", async () => {
  overrides = { user: "rex", env: { PATH: process.env["PATH"], PLACE: "the gate" } };
  const hook = join(root, "shop.git", "hooks", "pre-receive");
  await writeFile(hook, '#!/bin/sh\necho "$REMOTE_USER is stopped at $PLACE" >&2\nexit 1\n');
  await chmod(hook, 0o755);
  const clone = await cloneWithCommit(10);
  await expect(git("-C", clone, "push", "origin", "HEAD:main")).rejects.toThrow(/rex is stopped at the gate/);
});

test("a client that goes away ends the backend, and is no error", async () => {
  const request = send(`${url}/shop.git/git-receive-pack`, {
    method: "POST",
    headers: { "content-type": "application/x-git-receive-pack-request", "transfer-encoding": "chunked" },
  });
  request.on("error", () => {});
  request.write("00");
  await once(server, "request");
  request.destroy();
  expect(await outcomes[0]).toMatchObject({ exitCode: null });
});

test("a client that has gone already starts no backend", async () => {
  const arrived = Promise.withResolvers<[IncomingMessage, ServerResponse]>();
  const waiting = createServer((request, response) => arrived.resolve([request, response])).listen(0, "127.0.0.1");
  await once(waiting, "listening");
  const client = send({ port: (waiting.address() as AddressInfo).port, method: "POST" });
  client.on("error", () => {});
  client.write("00");
  const [request, response] = await arrived.promise;
  client.destroy();
  await once(response, "close");
  const options = { projectRoot: root, path: "/", query: "", env: { PATH: root } };
  expect(await serveGitHttp(request, response, options)).toEqual({ exitCode: null, stderr: "" });
  waiting.close();
});

test("a backend that cannot be started is an error, and the client gets 500", async () => {
  overrides = { env: { PATH: root } };
  const answer = await fetch(`${url}/shop.git/info/refs`);
  expect(answer.status).toBe(500);
  await expect(outcomes[0]).rejects.toMatchObject({ code: "ENOENT" });
});

/** Lets a shell script stand in for the backend. */
async function standIn(script: string): Promise<void> {
  await writeFile(join(root, "git"), `#!/bin/sh\nPATH=${process.env["PATH"] ?? ""}\n${script}\n`);
  await chmod(join(root, "git"), 0o755);
  overrides = { env: { PATH: root } };
}

async function answerTo(path: string): Promise<IncomingMessage> {
  const request = send(`${url}${path}`);
  request.end();
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  return answer;
}

test("a backend that says nothing usable gives the client 500, and its words to the caller", async () => {
  await standIn("echo 'out of luck' >&2\nexit 7");
  const answer = await answerTo("/shop.git/info/refs");
  expect(answer.statusCode).toBe(500);
  expect(await text(answer)).toBe("");
  expect(await outcomes[0]).toEqual({ exitCode: 7, stderr: "out of luck\n" });
});

test("a header without end is no answer", async () => {
  await standIn("yes 'X-Long: header'");
  expect((await answerTo("/shop.git/info/refs")).statusCode).toBe(500);
  await outcomes[0];
});

test("a header that comes in pieces is read whole, and status and body follow it", async () => {
  await standIn(
    "printf 'Status: 418 I am'; sleep 0.05; printf ' a teapot\\r\\nX-Tea: green\\r\\n\\r'; sleep 0.05; printf '\\nbody'",
  );
  const answer = await answerTo("/shop.git/info/refs");
  expect([answer.statusCode, answer.headers["x-tea"], await text(answer)]).toEqual([418, "green", "body"]);
});

test("a header that HTTP does not allow is an error", async () => {
  await standIn("printf 'Bad Name: x\\n\\n'");
  await expect(answerTo("/shop.git/info/refs")).rejects.toMatchObject({ code: "ECONNRESET" });
  await expect(outcomes[0]).rejects.toMatchObject({ code: "ERR_INVALID_HTTP_TOKEN" });
});

test("an answer that does not wait for the whole request arrives", async () => {
  await standIn("exec 0<&-; printf 'Status: 403 Forbidden\\n\\nno'");
  const answer = await fetch(`${url}/shop.git/git-receive-pack`, { method: "POST", body: new Uint8Array(8_000_000) });
  expect([answer.status, await answer.text()]).toEqual([403, "no"]);
});

test("a client that goes away in the middle of the answer ends the backend, and is no error", async () => {
  await standIn("printf 'Content-Type: text/plain\\n\\n'; exec yes");
  const answer = await answerTo("/shop.git/info/refs");
  await once(answer, "data");
  answer.destroy();
  expect(await outcomes[0]).toEqual({ exitCode: null, stderr: "" });
});
