import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { BareRepository } from "./bare-repository.ts";
import type { Faults } from "./faults.ts";
import { type ForgeRepository, ForgeState } from "./forge-state.ts";
import { type ForgeEnvironment, ForgeRequests } from "./forge-requests.ts";

export interface ForgeOptions {
  /** Holds repositories, token and pull requests; a forge started again on it goes on with them. */
  directory: string;
  /** PEM texts; the certificate must be valid for the host in `url`. */
  tls: { key: string; cert: string };
  /** Default: the port it had before when that is free, else any free one. */
  port?: number;
  /** Address that it listens on. Default `127.0.0.1`. */
  host?: string;
  /** Where others reach it. Default `https://127.0.0.1:PORT`. */
  url?: string;
  /** What Git and the API ask for. Default: one of its own, which stands in `forge.json`. */
  token?: string;
  /** Default: the system's clock. */
  now?: () => Date;
  /** Environment of the git programs. */
  env: ForgeEnvironment;
}

/** A small Git forge: Git over HTTPS with a token, and pull requests in the shape of GitHub's REST API. */
export interface Forge {
  /** `https://HOST:PORT` */
  readonly url: string;
  /** `url` + `/api/v3` */
  readonly apiUrl: string;
  /** Password of Git (with any user name) and Bearer token of the API. */
  readonly token: string;
  /** What the forge does wrong on demand; assign to change it. */
  faults: Faults;
  /**
   * Makes a repository whose `main` holds `files` (path to content), and returns its clone URL. One of that name that
   * exists already is left as it is. `name` is `owner/name`, or a name alone for the owner `local`.
   * `private` (default true): reading needs the token too.
   */
  createRepository(
    name: string,
    files: Readonly<Record<string, string>>,
    options?: { private?: boolean },
  ): Promise<string>;
  /** Path of the bare repository on disk, for looking into it. */
  repositoryPath(name: string): string;
  /** Pull requests in the order of their numbers, closed ones included. */
  pullRequests(name: string): ForgeRepository["pullRequests"];
  close(): Promise<void>;
}

/** @throws when `directory` cannot be written, or `port` is given and taken */
export async function startForge(options: ForgeOptions): Promise<Forge> {
  const now = options.now ?? (() => new Date());
  const state = await ForgeState.open(options.directory);
  const server = createServer({ key: options.tls.key, cert: options.tls.cert });
  const port = await listen(server, options, state.data.port);
  state.data.port = port;
  state.data.token = options.token ?? state.data.token;
  await state.save();

  const url = options.url ?? `https://127.0.0.1:${port}`;
  const addresses = { url, apiUrl: `${url}/api/v3` };
  const gitRoot = join(options.directory, "repositories");
  const repositoryPath = (name: string): string => join(gitRoot, `${fullName(name)}.git`);

  const closing = new AbortController();
  const forge: Forge = {
    ...addresses,
    token: state.data.token,
    faults: {},
    repositoryPath,
    async createRepository(name, files, { private: isPrivate = true } = {}) {
      const [owner = "", repository = ""] = fullName(name).split("/");
      await new BareRepository(repositoryPath(name), options.env).create(files);
      if (state.find(owner, repository) === undefined) {
        const createdAt = now().toISOString();
        const id = state.newId();
        state.data.repositories.push({ id, owner, name: repository, private: isPrivate, createdAt, pullRequests: [] });
        await state.save();
      }
      return `${url}/${owner}/${repository}.git`;
    },
    pullRequests(name) {
      const [owner = "", repository = ""] = fullName(name).split("/");
      return state.find(owner, repository)?.pullRequests ?? [];
    },
    async close() {
      closing.abort();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  const requests = new ForgeRequests({
    forge,
    state,
    gitRoot,
    addresses,
    now,
    env: options.env,
    closing: closing.signal,
  });
  server.on("request", (request, response) => void requests.handle(request, response));
  return forge;
}

const namePattern = /^(?:[\w.-]+\/)?[\w.-]+$/;

/** @throws RangeError for a name that is not one or two plain segments */
function fullName(name: string): string {
  if (!namePattern.test(name) || name.includes("..")) throw new RangeError(`not a repository name: ${name}`);
  return name.includes("/") ? name : `local/${name}`;
}

async function listen(
  server: Server,
  { port: wanted, host = "127.0.0.1" }: Pick<ForgeOptions, "port" | "host">,
  remembered: number,
): Promise<number> {
  try {
    server.listen(wanted ?? remembered, host);
    await once(server, "listening");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE" || wanted !== undefined) throw error;
    server.listen(0, host);
    await once(server, "listening");
  }
  return (server.address() as AddressInfo).port;
}
