import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import {
  createLogger,
  type Gateway,
  encodeReport,
  type Readiness,
  Redactor,
  startGateway,
} from "@orchestrator/agent-runner";
import type { Delivery, GatewayMessage, RunInputs, Verdict } from "@orchestrator/core/pure";
import { type Forge, startForge } from "@orchestrator/local-cluster";
import { inject } from "vitest";
import { serverTls } from "./cluster.ts";

const run = promisify(execFile);

export const modelKey = "sk-test-key-of-the-provider";

/** A forge with the trust of the test cluster, in a folder of its own. */
export async function startTestForge(): Promise<Forge & AsyncDisposable> {
  const directory = await mkdtemp(join(tmpdir(), "test-forge-"));
  const forge = await startForge({ directory, tls: await serverTls(), env: process.env });
  return Object.assign(forge, {
    async [Symbol.asyncDispose]() {
      await forge.close();
      await rm(directory, { recursive: true });
    },
  });
}

export interface TestProvider extends AsyncDisposable {
  url: string;
}

/** A provider of models that answers as the test says, over TLS. */
export async function startProvider(listener: RequestListener): Promise<TestProvider> {
  const server = createServer(await serverTls(), listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

export interface TestGatewayOptions {
  repository: Partial<RunInputs["repository"]> & { url: string };
  /** Files of the two Secrets; absent keys are absent files. */
  repositorySecret?: Record<string, string>;
  modelSecret?: Record<string, string>;
  modelBaseUrl?: string;
  docs?: { targetTasks?: number[]; force?: boolean; outputFormat?: "Markdown" | "MDX" | "AsciiDoc" };
  /** Further inputs of the attempt. */
  inputs?: Partial<
    Pick<RunInputs, "uid" | "branch" | "round" | "attempt" | "budget" | "spent" | "keepWork" | "resume">
  >;
  /** Folder of the service's workspace, for a run that has one. */
  workspace?: string;
  /** Folder of an earlier gateway, to start it again. */
  root?: string;
}

/** A gateway in this process, as in a run's pod, and what a pod's other containers see of it. */
export interface TestGateway extends AsyncDisposable {
  gateway: Gateway;
  inputs: RunInputs;
  /** All its folders. */
  root: string;
  /** Every line it logged. */
  log: string[];
  ready(): Promise<Readiness>;
  deliver(request?: { title: string; body: string }): Promise<{ delivery?: Delivery; verdict?: Verdict }>;
  /** Asks its door for anything else, as the agent's container does. */
  ask(method: "GET" | "POST", path: string, body?: object): Promise<unknown>;
  report(): GatewayMessage;
  /** The termination message as it would be written. */
  terminationMessage(): string;
  /** Clones the repository through the door and makes the run's branch. */
  clone(): Promise<string>;
  /** Writes files into a clone, commits and pushes them, to the run's branch unless another ref is given. */
  push(clone: string, files: Record<string, string>, ref?: string, message?: string): Promise<void>;
  /** Stops it as `Gateway.close` does, leaving its folders for another start. */
  stop(options?: { graceMs?: number }): Promise<void>;
}

export async function startTestGateway(options: TestGatewayOptions): Promise<TestGateway> {
  const root = options.root ?? (await mkdtemp(join(tmpdir(), "test-gateway-")));
  const directories = {
    state: join(root, "state"),
    door: join(root, "door"),
    repositoryCredentials: join(root, "credentials", "repository"),
    modelCredentials: join(root, "credentials", "model"),
    workspace: options.workspace ?? join(root, "workspace"),
  };
  for (const directory of Object.values(directories)) await mkdir(directory, { recursive: true });
  await writeFiles(directories.repositoryCredentials, options.repositorySecret ?? {});
  await writeFiles(directories.modelCredentials, options.modelSecret ?? { "api-key": modelKey });
  const log: string[] = [];
  const redactor = new Redactor();
  const inputs = testInputs(options);
  const gateway = await startGateway({
    inputs,
    directories,
    caBundle: await readFile(inject("cluster").caFile, "utf8"),
    path: process.env["PATH"] ?? "",
    redactor,
    logger: createLogger(redactor, (line) => log.push(line)),
    retryDelaysMs: [10],
  });
  const { address, token } = gateway.door;
  const authorization = `Bearer ${token}`;
  let stopped = false;
  return {
    gateway,
    inputs,
    root,
    log,
    async ready() {
      return (await (await fetch(`${address}/v1/ready`, { headers: { authorization } })).json()) as Readiness;
    },
    async deliver(request = { title: "Work of the run", body: "All of it." }) {
      const body = JSON.stringify(request);
      const answer = await fetch(`${address}/v1/delivery`, { method: "POST", headers: { authorization }, body });
      return (await answer.json()) as { delivery?: Delivery; verdict?: Verdict };
    },
    async ask(method, path, body) {
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      return await (await fetch(`${address}${path}`, { method, headers: { authorization }, ...sent })).json();
    },
    report: () => gateway.report(),
    terminationMessage: () => redactor.apply(encodeReport(gateway.report())),
    async clone() {
      const clone = await mkdtemp(join(root, "clone-"));
      await git("clone", "--quiet", `http://run:${token}@${address.slice("http://".length)}/repository.git`, clone);
      await git("-C", clone, "switch", "--quiet", "--create", inputs.branch);
      return clone;
    },
    async push(clone, files, ref = `refs/heads/${inputs.branch}`, message = "Work") {
      await commit(clone, files, message);
      await git("-C", clone, "push", "--quiet", "origin", `HEAD:${ref}`);
    },
    async stop(closing) {
      stopped = true;
      await gateway.close(closing);
    },
    async [Symbol.asyncDispose]() {
      if (!stopped) await gateway.close();
      await rm(root, { recursive: true });
    },
  };
}

/** Runs git as a person or an agent would, trusting the test's forge. */
export async function git(...args: string[]): Promise<string> {
  const env = {
    PATH: process.env["PATH"],
    HOME: "/nonexistent",
    GIT_SSL_CAINFO: inject("cluster").caFile,
    GIT_TERMINAL_PROMPT: "0",
    GIT_CONFIG_NOSYSTEM: "1",
  };
  const identity = ["-c", "user.name=Tester", "-c", "user.email=tester@example.test"];
  const { stdout } = await run("git", [...identity, ...args], { env });
  return stdout;
}

/** Commits files; an empty content removes the file. */
export async function commit(clone: string, files: Record<string, string>, message = "Work"): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    if (content === "") await rm(join(clone, path));
    else await writeFiles(clone, { [path]: content });
  }
  await git("-C", clone, "add", "--all");
  await git("-C", clone, "commit", "--quiet", "--message", message);
}

/** A URL with the forge's token in it, as only a test would write it. */
export function withToken(url: string, forge: Forge): string {
  return url.replace("https://", `https://x-access-token:${forge.token}@`);
}

async function writeFiles(directory: string, files: Record<string, string>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
}

function testInputs(options: TestGatewayOptions): RunInputs {
  const shared = {
    version: 1 as const,
    name: "run",
    namespace: "team",
    uid: "0b5f7c1e-0000-4000-8000-000000000001",
    round: 1,
    attempt: 1,
    model: "sonnet",
    modelBaseUrl: options.modelBaseUrl ?? "https://127.0.0.1:1",
    modelSecretName: "orchestrator-model",
    keepWork: true,
    repository: { branch: "main", provider: "GitHub" as const, ...options.repository },
    ...(options.workspace !== undefined && { workspace: { claim: "workspace-shop" } }),
    branch: "orchestrator/run-1",
    workingDirectory: ".",
    tag: "master",
    timeoutSeconds: 3600,
    stallTimeoutSeconds: 900,
    spent: { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0, turns: 0 },
    ...options.inputs,
  };
  if (options.docs === undefined) {
    return {
      ...shared,
      kind: "TaskImplementationRun",
      taskId: 1,
      serviceName: "shop",
      agentName: "rex",
      verify: [],
      markdownFiles: [],
    };
  }
  return {
    ...shared,
    kind: "DocsGenerationRun",
    force: false,
    outputFormat: "Markdown",
    parallelism: 1,
    ...options.docs,
  };
}
