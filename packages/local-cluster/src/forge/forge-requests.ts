import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { serveGitHttp } from "@orchestrator/core/git";
import { z } from "zod";
import { ForgeApiError } from "./api-error.ts";
import { BareRepository, refusePushVariable, refuseRefsVariable } from "./bare-repository.ts";
import { type Caller, identify } from "./credentials.ts";
import { faults } from "./faults.ts";
import type { Forge } from "./forge.ts";
import type { ForgeRepository, ForgeState } from "./forge-state.ts";
import { authenticatedUser, branchFull, branchShort, type ForgeAddresses, repositoryShape } from "./github-shapes.ts";
import { PullRequestApi } from "./pull-request-api.ts";

export type ForgeEnvironment = Readonly<Record<string, string | undefined>>;

interface Call {
  request: IncomingMessage;
  response: ServerResponse;
  method: string;
  url: URL;
  caller: Caller;
}

interface Route {
  method: string;
  /** Matched against the path as a whole. */
  path: RegExp;
  handle(call: Call, params: Record<string, string>): Promise<void>;
}

const newRepository = z.strictObject({
  name: z.string(),
  files: z.record(z.string(), z.string()),
  private: z.boolean().optional(),
});

const inRepository = String.raw`^/api/v3/repos/(?<owner>[^/]+)/(?<name>[^/]+)`;
const page = String.raw`^/(?<owner>[^/]+)/(?<name>[^/]+)/pull/(?<number>\d+)`;
const at = (rest: string): RegExp => new RegExp(`${inRepository}${rest}$`);

/** Answers every request to a forge: Git, the REST API, pages for people, and the control of faults. */
export class ForgeRequests {
  readonly #forge: Forge;
  readonly #state: ForgeState;
  readonly #gitRoot: string;
  readonly #addresses: ForgeAddresses;
  readonly #now: () => Date;
  readonly #env: ForgeEnvironment;
  readonly #closing: AbortSignal;
  readonly #routes: readonly Route[];

  constructor(options: {
    forge: Forge;
    state: ForgeState;
    gitRoot: string;
    addresses: ForgeAddresses;
    now: () => Date;
    env: ForgeEnvironment;
    /** Aborted when the forge is closed. */
    closing: AbortSignal;
  }) {
    this.#closing = options.closing;
    this.#env = options.env;
    this.#forge = options.forge;
    this.#state = options.state;
    this.#gitRoot = options.gitRoot;
    this.#addresses = options.addresses;
    this.#now = options.now;
    this.#routes = [...this.#controlRoutes(), ...this.#repositoryRoutes(), ...this.#pullRequestRoutes()];
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.#addresses.url);
    const method = request.method ?? "GET";
    const caller = identify(request.headers.authorization, this.#state.data.token);
    const call: Call = { request, response, method, url, caller };
    try {
      if (this.#forge.faults.delayMs !== undefined)
        await sleep(this.#forge.faults.delayMs, undefined, { signal: this.#closing });
      await this.#dispatch(call);
    } catch (error) {
      if (response.headersSent) response.destroy();
      else if (error instanceof ForgeApiError) sendJson(response, error.status, error.body());
      else sendJson(response, 500, { message: String(error) });
    }
  }

  async #dispatch(call: Call): Promise<void> {
    const git = /^\/(?<owner>[^/]+)\/(?<name>[^/]+?)\.git(?=\/)/.exec(call.url.pathname)?.groups;
    if (git !== undefined) return await this.#serveGit(call, git["owner"] ?? "", git["name"] ?? "");
    if (call.caller === "stranger") throw ForgeApiError.badCredentials();
    for (const route of this.#routes) {
      const match = route.path.exec(call.url.pathname);
      if (match === null || route.method !== call.method) continue;
      return await route.handle(call, { ...match.groups });
    }
    throw ForgeApiError.notFound();
  }

  async #serveGit(call: Call, owner: string, name: string): Promise<void> {
    const repository = this.#state.find(owner, name);
    const pushes = call.url.pathname.endsWith("/git-receive-pack") || call.url.search.includes("git-receive-pack");
    const open = repository !== undefined && !repository.private && !pushes;
    // As GitHub: whoever has not shown a valid token is asked for one, whether or not the repository exists.
    if (call.caller === "stranger" || (call.caller === "anonymous" && !open)) {
      call.response.writeHead(401, { "www-authenticate": 'Basic realm="Forge"', "content-type": "text/plain" });
      call.response.end("Invalid username or token.\n");
      return;
    }
    if (repository === undefined) {
      call.response.writeHead(404, { "content-type": "text/plain" }).end("Repository not found.\n");
      return;
    }
    await serveGitHttp(call.request, call.response, {
      projectRoot: this.#gitRoot,
      path: decodeURIComponent(call.url.pathname),
      query: call.url.search.slice(1),
      user: owner,
      env: {
        ...this.#env,
        [refusePushVariable]: this.#forge.faults.refusePush,
        [refuseRefsVariable]: this.#forge.faults.refuseRefs,
      },
    });
  }

  #controlRoutes(): Route[] {
    const owned =
      (handle: (call: Call) => Promise<void>): Route["handle"] =>
      async (call) => {
        if (call.caller !== "owner") throw ForgeApiError.badCredentials();
        await handle(call);
      };
    return [
      {
        method: "POST",
        path: /^\/control\/faults$/,
        handle: owned(async ({ request, response }) => {
          this.#forge.faults = parse(faults, await readJson(request));
          sendJson(response, 200, this.#forge.faults);
        }),
      },
      {
        method: "POST",
        path: /^\/control\/repositories$/,
        handle: owned(async ({ request, response }) => {
          const asked = parse(newRepository, await readJson(request));
          const isPrivate = asked.private ?? true;
          const cloneUrl = await this.#forge.createRepository(asked.name, asked.files, { private: isPrivate });
          sendJson(response, 201, { cloneUrl });
        }),
      },
    ];
  }

  #repositoryRoutes(): Route[] {
    return [
      {
        method: "GET",
        path: /^\/api\/v3\/user$/,
        handle: async ({ caller, response }) => {
          if (caller !== "owner") throw ForgeApiError.badCredentials();
          sendJson(response, 200, authenticatedUser("local", this.#addresses, this.#now().toISOString()));
        },
      },
      {
        method: "GET",
        path: at(""),
        handle: async (call, params) => {
          sendJson(call.response, 200, repositoryShape(this.#find(call, params).repository, this.#addresses));
        },
      },
      {
        method: "GET",
        path: at("/branches"),
        handle: async (call, params) => {
          const { repository, git } = this.#find(call, params);
          const branches = await git.branches();
          const shapes = branches.map(({ name, sha }) => branchShort(repository, name, sha, this.#addresses));
          sendJson(call.response, 200, shapes);
        },
      },
      {
        method: "GET",
        path: at("/branches/(?<branch>.+)"),
        handle: async (call, params) => {
          const { repository, git } = this.#find(call, params);
          const branch = decodeURIComponent(params["branch"] ?? "");
          const sha = await git.branchCommit(branch);
          if (sha === undefined) throw ForgeApiError.notFound();
          sendJson(call.response, 200, branchFull(repository, branch, await git.commit(sha), this.#addresses));
        },
      },
    ];
  }

  #pullRequestRoutes(): Route[] {
    const number = String.raw`/pulls/(?<number>\d+)`;
    return [
      this.#pullRoute("GET", at("/pulls"), async (pulls, { response, url }) => {
        sendJson(response, 200, await pulls.list(url.searchParams));
      }),
      this.#pullRoute("POST", at("/pulls"), async (pulls, { request, response }) => {
        sendJson(response, 201, await pulls.create(await readJson(request)));
      }),
      this.#pullRoute("GET", at(number), async (pulls, { request, response }, id) => {
        if (/\bdiff\b/.test(request.headers.accept ?? "")) sendText(response, await pulls.diff(id));
        else sendJson(response, 200, await pulls.get(id));
      }),
      this.#pullRoute("PATCH", at(number), async (pulls, { request, response }, id) => {
        sendJson(response, 200, await pulls.update(id, await readJson(request)));
      }),
      this.#pullRoute("GET", at(`${number}/files`), async (pulls, { response }, id) => {
        sendJson(response, 200, await pulls.files(id));
      }),
      this.#pullRoute("GET", new RegExp(`${page}$`), async (pulls, { response }, id) => {
        sendText(response, await pulls.page(id));
      }),
      this.#pullRoute("GET", new RegExp(String.raw`${page}\.diff$`), async (pulls, { response }, id) => {
        sendText(response, await pulls.diff(id));
      }),
    ];
  }

  #pullRoute(
    method: string,
    path: RegExp,
    handle: (pulls: PullRequestApi, call: Call, number: number) => Promise<void>,
  ): Route {
    return {
      method,
      path,
      handle: async (call, params) => {
        const found = this.#find(call, params);
        if (this.#forge.faults.pullRequestStatus !== undefined) {
          throw ForgeApiError.fault(this.#forge.faults.pullRequestStatus);
        }
        if (method !== "GET" && call.caller !== "owner") throw ForgeApiError.badCredentials();
        const pulls = new PullRequestApi({
          ...found,
          state: this.#state,
          addresses: this.#addresses,
          now: this.#now,
        });
        await handle(pulls, call, Number(params["number"]));
      },
    };
  }

  #find(call: Call, params: Record<string, string>): { repository: ForgeRepository; git: BareRepository } {
    const repository = this.#state.find(params["owner"] ?? "", params["name"] ?? "");
    if (repository === undefined || (repository.private && call.caller !== "owner")) throw ForgeApiError.notFound();
    return {
      repository,
      git: new BareRepository(this.#forge.repositoryPath(`${repository.owner}/${repository.name}`), this.#env),
    };
  }
}

function parse<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (!result.success) throw ForgeApiError.badRequest();
  return result.data;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  try {
    return JSON.parse(await text(request));
  } catch {
    throw ForgeApiError.badRequest();
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8" });
  response.end(JSON.stringify(body));
}

function sendText(response: ServerResponse, body: string): void {
  response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
  response.end(body);
}
