import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { serveGitHttp } from "@orchestrator/core/git";
import {
  agentMessage,
  type AgentMessage,
  type ClaudeSettings,
  type DocsRunInputs,
  type ImplementationRunInputs,
  type ProgressLine,
  progressLine,
  type RunInputs,
} from "@orchestrator/core/pure";
import { type Paths, pathsUnder } from "./paths.ts";
import type { StepOptions } from "./step-options.ts";

const token = "the-doors-token";
const run = promisify(execFile);

export const settings: ClaudeSettings = {
  $schema: "https://json.schemastore.org/claude-code-settings.json",
  model: "opus",
  cleanupPeriodDays: 3,
  permissions: { defaultMode: "dontAsk", allow: ["Read"], deny: [], disableBypassPermissionsMode: "disable" },
  env: {},
  hooks: {},
};

const shared = {
  version: 1,
  name: "nightly",
  namespace: "team",
  uid: "0b5f7c1e-0000-4000-8000-000000000001",
  round: 1,
  attempt: 1,
  model: "opus",
  modelBaseUrl: "https://model.example.test",
  modelSecretName: "orchestrator-model",
  keepWork: true,
  repository: { url: "https://forge.example.test/team/shop", branch: "main", provider: "None" },
  branch: "orchestrator/docs/nightly",
  workingDirectory: ".",
  tag: "master",
  timeoutSeconds: 60,
  stallTimeoutSeconds: 60,
  spent: { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0, turns: 0 },
} as const;

export function docsInputs(changes: Partial<DocsRunInputs> = {}): DocsRunInputs {
  return { ...shared, kind: "DocsGenerationRun", force: false, outputFormat: "Markdown", parallelism: 2, ...changes };
}

export function implementationInputs(changes: Partial<ImplementationRunInputs> = {}): ImplementationRunInputs {
  const own = { taskId: 1, serviceName: "shop", agentName: "rex", markdownFiles: [], verify: [] };
  return { ...shared, kind: "TaskImplementationRun", ...own, ...changes };
}

/** A task's three documents, by path. */
export function documentsOf(taskId: number, extension = "md"): Record<string, string> {
  const names = ["task", "prompt", "acceptance-criteria"];
  return Object.fromEntries(
    names.map((name) => [`.taskmaster/docs/task-${taskId}/${name}.${extension}`, `# ${name}\n`]),
  );
}

/** `tasks.json` with tasks of these ids. */
export function backlog(...ids: number[]): Record<string, string> {
  const tasks = ids.map((id) => ({ id, title: `Task ${id}`, details: `Do ${id}.` }));
  return { ".taskmaster/tasks/tasks.json": JSON.stringify({ tasks }) };
}

export interface StepLabOptions {
  inputs: RunInputs;
  /** Files of `main`. */
  files: Record<string, string>;
  /** Symbolic links of `main`: path to target. */
  links?: Record<string, string>;
  /** Further files of the attempt's ConfigMap. */
  config?: Record<string, string>;
  /** Answer of `/v1/ready`; default: ready. */
  readiness?: object;
  /** Answer of `/v1/delivery`; default: Delivered. */
  delivery?: object;
  /** Answer of `/v1/resume`; default: there is nothing. */
  resume?: object;
  /** Answer of `/v1/hand-in`; default: it is stored. */
  handIn?: object;
}

/** A run's folders below a temporary root, and a scripted gateway with a real Git repository behind it. */
export interface StepLab extends AsyncDisposable {
  paths: Paths;
  /** For a step; whatever it says is kept. */
  options(changes?: Partial<StepOptions>): StepOptions;
  /** Bodies of the deliveries that were asked for. */
  deliveries: unknown[];
  /** What was handed in. */
  handIns: { commit: string; transcripts: { sessionId: string; path: string }[] }[];
  progress(): ProgressLine[];
  stderr(): string;
  agentMessage(): Promise<AgentMessage>;
  terminationMessage(): Promise<unknown>;
  /** Git in the gateway's repository. */
  inGateway(...args: string[]): Promise<string>;
  /** Writes into the work tree. */
  write(files: Record<string, string>): Promise<void>;
  /** An executable file with this text. */
  program(script: string): Promise<string>;
}

export async function startStepLab(options: StepLabOptions): Promise<StepLab> {
  const root = await mkdtemp(join(tmpdir(), "step-lab-"));
  const paths = pathsUnder(root);
  for (const folder of [paths.inputs, paths.door, paths.home, paths.temporary, dirname(paths.terminationMessage)]) {
    await mkdir(folder, { recursive: true });
  }
  await writeFiles(paths.inputs, {
    "run.json": JSON.stringify(options.inputs),
    "settings.json": JSON.stringify(settings),
    "prompt.md": "# Instructions\n",
    ...options.config,
  });
  const bare = join(root, "gateway", "repository.git");
  const baseCommit = await makeRepository(root, bare, options);
  const deliveries: unknown[] = [];
  const handIns: StepLab["handIns"] = [];
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  const answers: Readonly<Record<string, (body: string) => object>> = {
    "/v1/ready": () => options.readiness ?? { state: "ready", baseCommit },
    "/v1/resume": () => options.resume ?? { state: "none" },
    "/v1/delivery": (body) => {
      deliveries.push(JSON.parse(body));
      return options.delivery ?? { delivery: { outcome: "Delivered" } };
    },
    "/v1/hand-in": (body) => {
      handIns.push(JSON.parse(body) as StepLab["handIns"][number]);
      return options.handIn ?? { stored: true };
    },
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [path = "", query = ""] = (request.url ?? "").split("?", 2);
    const given = request.headers.authorization ?? "";
    const known = answers[path];
    if (![`Bearer ${token}`, `Basic ${btoa(`run:${token}`)}`].includes(given)) {
      response.writeHead(401, { "www-authenticate": "Basic" }).end("{}");
    } else if (known !== undefined) {
      response.end(JSON.stringify(known(await text(request))));
    } else {
      await serveGitHttp(request, response, { projectRoot: dirname(bare), path, query, user: "run", env: process.env });
    }
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await writeFile(join(paths.door, "door.json"), JSON.stringify({ address, token }));
  const stdout = new Kept();
  const stderr = new Kept();
  return {
    paths,
    deliveries,
    handIns,
    options: (changes) => ({
      env: { PATH: process.env["PATH"], HOME: paths.home },
      signal: new AbortController().signal,
      paths,
      stdout,
      stderr,
      now: () => new Date(0),
      ...changes,
    }),
    progress: () =>
      stdout.text
        .split("\n")
        .filter(Boolean)
        .map((line) => progressLine.parse(JSON.parse(line))),
    stderr: () => stderr.text,
    agentMessage: async () => agentMessage.parse(JSON.parse(await readFile(paths.terminationMessage, "utf8"))),
    terminationMessage: async () => JSON.parse(await readFile(paths.terminationMessage, "utf8")) as unknown,
    inGateway: async (...args) => (await run("git", ["-C", bare, ...args])).stdout.trim(),
    write: async (files) => await writeFiles(paths.repository, files),
    async program(script) {
      const path = join(root, "claude");
      await writeFile(path, script);
      await chmod(path, 0o755);
      return path;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

class Kept extends Writable {
  text = "";

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString("utf8");
    done();
  }
}

async function makeRepository(
  root: string,
  bare: string,
  { files, links = {} }: Pick<StepLabOptions, "files" | "links">,
): Promise<string> {
  const seed = join(root, "seed");
  await writeFiles(seed, files);
  for (const [path, target] of Object.entries(links)) {
    await mkdir(dirname(join(seed, path)), { recursive: true });
    await symlink(target, join(seed, path));
  }
  const identity = ["-c", "user.name=Seed", "-c", "user.email=seed@example.test"];
  await run("git", ["init", "--quiet", "--initial-branch=main", seed]);
  await run("git", ["-C", seed, "add", "--all", "--force"]);
  await run("git", ["-C", seed, ...identity, "commit", "--quiet", "--allow-empty", "--message=Seed"]);
  await run("git", ["clone", "--quiet", "--bare", seed, bare]);
  await run("git", ["-C", bare, "config", "http.receivepack", "true"]);
  return (await run("git", ["-C", bare, "rev-parse", "main"])).stdout.trim();
}

async function writeFiles(folder: string, files: Record<string, string>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}
