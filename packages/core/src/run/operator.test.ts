import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { HandlerRegistry } from "./job-handler.ts";
import { attemptName } from "./names.ts";
import { aJobObject, aPodObject } from "./observation-samples.ts";
import { operatorMain } from "./operator.ts";
import { reviewHandler } from "./sample-handler.ts";

type Respond = (request: IncomingMessage, response: ServerResponse, path: string) => void;

function status(response: ServerResponse, code: number, reason: string): void {
  response.writeHead(code, { "content-type": "application/json" });
  response.end(JSON.stringify({ kind: "Status", code, reason, message: `the server says ${reason}` }));
}

const jobName = attemptName({ prefix: "review", runName: "a-run", runUid: "run-uid", round: 1, attempt: 1 });
const ended = {
  metadata: { namespace: "team-a", name: "a-run", uid: "run-uid", resourceVersion: "1" },
  status: { phase: "Failed" },
};
const items: Record<string, unknown[]> = {
  reviewruns: [ended],
  jobs: [{ ...aJobObject(), metadata: { ...aJobObject().metadata, name: jobName } }],
  pods: [aPodObject({}), aPodObject({}, { name: "stranger", annotations: {} })],
};

/** An API server that holds one run that has ended, and its Job, which has not. */
const holding: Respond = (request, response, path) => {
  const url = new URL(request.url ?? "/", "http://localhost");
  response.writeHead(200, { "content-type": "application/json" });
  const held = items[path.split("/").at(-1) ?? ""] ?? [];
  if (url.searchParams.get("watch") === null) {
    response.end(JSON.stringify({ kind: "List", metadata: { resourceVersion: "1" }, items: held }));
    return;
  }
  if (url.searchParams.has("sendInitialEvents")) {
    for (const object of held) response.write(`${JSON.stringify({ type: "ADDED", object })}\n`);
  }
  const annotations = { "k8s.io/initial-events-end": "true" };
  const bookmark = { type: "BOOKMARK", object: { kind: path, metadata: { resourceVersion: "1", annotations } } };
  response.write(`${JSON.stringify(bookmark)}\n`);
};

async function serve(respond: Respond): Promise<string> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    paths.push(path);
    respond(request, response, path);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function kubeconfigFor(server: string, namespace?: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "operator-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, "config");
  const config = {
    clusters: [{ name: "c", cluster: { server } }],
    users: [{ name: "u", user: { token: "t" } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u", ...(namespace && { namespace }) } }],
    "current-context": "x",
  };
  await writeFile(path, JSON.stringify(config));
  return path;
}

const quiet = { AGENT_IMAGE: "agent:1", METRICS_PORT: "0", HEALTH_PORT: "0", LOG_LEVEL: "fatal" };

async function run(env: Record<string, string>, signal: AbortSignal = AbortSignal.timeout(20_000)) {
  let stderr = "";
  const handlers = new HandlerRegistry().register(reviewHandler);
  const write = (text: string) => (stderr += text);
  const code = await operatorMain({
    name: "review-operator",
    version: "1.2.3",
    handlers,
    env,
    stderr: { write },
    signal,
  });
  return { code, stderr };
}

describe("an operator ends with one line that says why", () => {
  it("when a setting is not valid", async () => {
    expect(await run({ AGENT_IMAGE: "a", METRICS_PORT: "http" })).toEqual({
      code: 1,
      stderr: "review-operator: METRICS_PORT of the environment must be a whole number of 0 to 65535\n",
    });
  });

  it("when the kubeconfig cannot be read", async () => {
    const { code, stderr } = await run({ ...quiet, KUBECONFIG: "/nonexistent/config" });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^review-operator: [^\n]*\/nonexistent\/config[^\n]*\n$/);
  });

  it("when the CustomResourceDefinition is not installed, with the command that installs it", async () => {
    const server = await serve((request, response, path) =>
      path.includes("reviewruns") ? status(response, 404, "NotFound") : holding(request, response, path),
    );
    const { code, stderr } = await run({ ...quiet, KUBECONFIG: await kubeconfigFor(server) });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^review-operator: [^\n]*reviewruns\.orchestrator\.io[^\n]*kubectl apply -f crds\/reviewruns\.yaml\n$/,
    );
  });

  it("when it has no permission, naming verb and resource", async () => {
    const server = await serve((request, response, path) =>
      path.includes("/pods") ? status(response, 403, "Forbidden") : holding(request, response, path),
    );
    const { code, stderr } = await run({ ...quiet, KUBECONFIG: await kubeconfigFor(server) });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^review-operator: no permission to (list|watch) pods [^\n]*\n$/);
  });

  it("when its Lease cannot be had", async () => {
    const server = await serve((request, response, path) =>
      path.includes("/leases") ? status(response, 403, "Forbidden") : holding(request, response, path),
    );
    const { code, stderr } = await run({ ...quiet, KUBECONFIG: await kubeconfigFor(server, "team-a") });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^review-operator: [^\n]*team-a\/review-operator[^\n]*\n$/);
  });
});

it("reconciles what it finds, and ends with 0 and without a word when it is told to stop", async () => {
  const stop = new AbortController();
  const deleted: string[] = [];
  const server = await serve((request, response, path) => {
    if (request.method !== "DELETE") return holding(request, response, path);
    deleted.push(path);
    stop.abort();
    status(response, 200, "Success");
  });
  const env = {
    ...quiet,
    KUBECONFIG: await kubeconfigFor(server),
    LEADER_ELECTION: "false",
    WATCH_NAMESPACES: "team-a",
  };
  expect(await run(env, stop.signal)).toEqual({ code: 0, stderr: "" });
  expect(deleted[0]).toMatch(/^\/apis\/batch\/v1\/namespaces\/team-a\/jobs\/review-a-run-/);
});

it("ends with the stack of a mistake that nobody expected", async () => {
  const handlers = {
    all: () => {
      throw new RangeError("a mistake of ours");
    },
  };
  let stderr = "";
  const env = { ...quiet, KUBECONFIG: await kubeconfigFor("http://127.0.0.1:1") };
  const code = await operatorMain({
    name: "review-operator",
    version: "1.2.3",
    handlers: handlers as never,
    env,
    stderr: { write: (text: string) => (stderr += text) },
    signal: AbortSignal.timeout(20_000),
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(/RangeError: a mistake of ours\n\s+at /);
});
