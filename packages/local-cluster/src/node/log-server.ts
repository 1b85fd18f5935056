import type { ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { TLSSocket } from "node:tls";
import type { Clock, Logger } from "@orchestrator/controller-runtime";
import { parseLogOptions } from "./logs/log-options.ts";
import { type LogSource, readLog } from "./logs/log-reader.ts";

/** PEM texts. */
export interface NodeTls {
  key: string;
  cert: string;
  /** Signs the API server's client certificate. */
  clientCa: string;
  /** Common name of the API server's client certificate. Default `kube-apiserver`. */
  clientName?: string;
}

export interface LogServerOptions {
  tls: NodeTls;
  /** 0: any free port. */
  port: number;
  clock: Clock;
  logger: Logger;
  /** Finds a container's log. */
  find: (container: { namespace: string; pod: string; name: string; previous: boolean }) => LogSource | LogProblem;
}

/** There is no such log, with the HTTP status that says so. */
export interface LogProblem {
  status: 400 | 404;
  problem: string;
}

export interface LogServer {
  port: number;
  close(): Promise<void>;
}

/** Serves `GET /containerLogs/NAMESPACE/POD/CONTAINER`, as a kubelet does, to the API server alone. */
export async function startLogServer(options: LogServerOptions): Promise<LogServer> {
  const { tls, port } = options;
  const allowed = tls.clientName ?? "kube-apiserver";
  const server = createServer(
    { key: tls.key, cert: tls.cert, ca: tls.clientCa, requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      const { CN: client } = (request.socket as TLSSocket).getPeerCertificate().subject;
      const url = new URL(request.url ?? "/", "https://node");
      answer(options, { url, allowed: client === allowed, response }).catch((err: unknown) => {
        if (!response.destroyed) options.logger.warn({ err, path: url.pathname }, "log not served");
        response.destroy();
      });
    },
  );
  await listen(server, port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  { find, clock }: LogServerOptions,
  { url, allowed, response }: { url: URL; allowed: boolean; response: ServerResponse },
): Promise<void> {
  if (!allowed) return refuse(response, 403, "only the API server may ask");
  if (url.pathname === "/healthz") return refuse(response, 200, "ok");
  const [, route, namespace, pod, name, ...rest] = url.pathname.split("/").map(decodeURIComponent);
  if (route !== "containerLogs" || !namespace || !pod || !name || rest.length > 0) {
    return refuse(response, 404, "only /containerLogs/NAMESPACE/POD/CONTAINER is served here");
  }
  const options = parseLogOptions(url.searchParams, clock.now());
  const source = find({ namespace, pod, name, previous: options.previous });
  if ("problem" in source) return refuse(response, source.status, source.problem);
  const closed = new AbortController();
  response.once("close", () => closed.abort());
  response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
  response.flushHeaders();
  try {
    await pipeline(Readable.from(readLog(source, options, closed.signal)), response);
  } catch (error) {
    // Whoever follows a log goes when they have seen enough.
    if (!closed.signal.aborted) throw error;
  }
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(text);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
}
