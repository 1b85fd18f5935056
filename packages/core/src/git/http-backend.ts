import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

export interface GitHttpBackendOptions {
  /** Folder below which the bare repositories lie; nothing outside it is served. */
  projectRoot: string;
  /** Path of the request below `projectRoot`, beginning with a slash and without a query. */
  path: string;
  /** Query of the request, without the question mark. */
  query: string;
  /** Who asks, when known; absent: the repository's `http.receivepack` decides whether pushes are taken. */
  user?: string;
  /** Environment of `git http-backend` and of the hooks it runs; needs PATH. */
  env: Readonly<Record<string, string | undefined>>;
}

/** How one request ended. A client that went away is no error: `exitCode` is then null. */
export interface GitHttpBackendOutcome {
  exitCode: number | null;
  /** The last 4 KiB of what Git said on stderr. */
  stderr: string;
}

const stderrLimit = 4096;
const headLimit = 64 * 1024;

/**
 * Serves one smart HTTP request of Git by `git http-backend`, streaming both ways. Bodies compressed by the client
 * are passed on as they are, because the backend inflates them itself. Ends the backend when the client goes away.
 *
 * @throws the spawn error when `git` cannot be started; the response is then ended with 500
 */
export async function serveGitHttp(
  request: IncomingMessage,
  response: ServerResponse,
  options: GitHttpBackendOptions,
): Promise<GitHttpBackendOutcome> {
  // A client that has left already will never end its request, for which the backend would wait.
  if (response.destroyed) return { exitCode: null, stderr: "" };
  const child = spawn("git", ["http-backend"], {
    env: cgiEnvironment(request, options),
    stdio: ["pipe", "pipe", "pipe"],
  });
  const closed = once(child, "close");
  response.once("close", () => endChild(child, response));
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-stderrLimit);
  });
  // The backend may answer without reading the whole body: the rest is drained, so that the answer arrives.
  child.stdin.on("error", () => request.resume());
  request.pipe(child.stdin);
  const [exit] = await Promise.all([closed, sendAnswer(child.stdout, response)]);
  return { exitCode: exit[0] as number | null, stderr };
}

function cgiEnvironment(request: IncomingMessage, options: GitHttpBackendOptions): NodeJS.ProcessEnv {
  return {
    ...options.env,
    GIT_PROJECT_ROOT: options.projectRoot,
    GIT_HTTP_EXPORT_ALL: "1",
    PATH_INFO: options.path,
    QUERY_STRING: options.query,
    REQUEST_METHOD: request.method,
    CONTENT_TYPE: request.headers["content-type"]?.toString(),
    CONTENT_LENGTH: request.headers["content-length"]?.toString(),
    HTTP_CONTENT_ENCODING: request.headers["content-encoding"]?.toString(),
    HTTP_GIT_PROTOCOL: request.headers["git-protocol"]?.toString(),
    REMOTE_USER: options.user,
    REMOTE_ADDR: request.socket.remoteAddress,
  };
}

function endChild(child: ChildProcess, response: ServerResponse): void {
  if (!response.writableFinished) child.kill("SIGTERM");
}

async function sendAnswer(stdout: Readable, response: ServerResponse): Promise<void> {
  try {
    await pipeline(answerBody(stdout, response), response);
  } catch (error) {
    const clientLeft = (error as NodeJS.ErrnoException).code === "ERR_STREAM_PREMATURE_CLOSE";
    if (!clientLeft) throw error;
  }
}

/** Reads the CGI header, hands it to `response`, and yields what follows it. */
async function* answerBody(stdout: Readable, response: ServerResponse): AsyncGenerator<Buffer> {
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of stdout as AsyncIterable<Buffer>) {
    if (head === undefined) {
      yield chunk;
      continue;
    }
    head = Buffer.concat([head, chunk]);
    const end = /\r?\n\r?\n/.exec(head.toString("latin1"));
    if (end !== null) {
      writeHead(head.subarray(0, end.index).toString("latin1"), response);
      yield head.subarray(end.index + end[0].length);
      head = undefined;
    } else if (head.length > headLimit) break;
  }
  // A backend that fails before its header has nothing for the client; its stderr is in the outcome.
  if (head !== undefined) response.writeHead(500);
}

function writeHead(text: string, response: ServerResponse): void {
  let status = 200;
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trim();
    const value = line.slice(colon + 1).trim();
    if (name.toLowerCase() === "status") status = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
  response.writeHead(status);
}
