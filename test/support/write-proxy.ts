import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";

export interface WriteProxy {
  /** `http://127.0.0.1:PORT`, for the kubeconfig of the program under test. */
  readonly server: string;
  /** What was written so far, Leases left out: `POST jobs`, `PATCH docsgenerationruns/status`. */
  readonly writes: readonly string[];
  close(): Promise<void>;
}

export interface WriteProxyOptions {
  server: string;
  ca: string;
  /** Called when the API server has answered the n-th write (from 1), before the program hears of it. */
  onWrite: (count: number, write: string) => void;
}

/** Stands between a program and the API server and sees each write at the moment it has become true. */
export async function startWriteProxy(options: WriteProxyOptions): Promise<WriteProxy> {
  const writes: string[] = [];
  const proxy = createServer((incoming, outgoing) => {
    forward(options, incoming, outgoing, () => {
      const write = describeWrite(incoming);
      if (write === undefined) return;
      writes.push(write);
      options.onWrite(writes.length, write);
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as AddressInfo;
  return {
    server: `http://127.0.0.1:${port}`,
    writes,
    close: () =>
      new Promise((resolve) => {
        proxy.close(() => resolve());
        proxy.closeAllConnections();
      }),
  };
}

function forward(
  options: WriteProxyOptions,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  answered: () => void,
): void {
  const upstream = request(
    new URL(incoming.url ?? "/", options.server),
    { method: incoming.method, headers: { ...incoming.headers, host: new URL(options.server).host }, ca: options.ca },
    (response) => {
      if ((response.statusCode ?? 500) < 300) answered();
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
      response.on("error", () => outgoing.destroy());
    },
  );
  upstream.on("error", () => outgoing.destroy());
  outgoing.on("close", () => upstream.destroy());
  incoming.pipe(upstream);
}

function describeWrite({ method = "GET", url = "/" }: IncomingMessage): string | undefined {
  if (method === "GET" || url.includes("/leases")) return undefined;
  const path = new URL(url, "http://localhost").pathname;
  const [, resource = path, , subresource] =
    /\/namespaces\/[^/]+\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?/.exec(path) ?? [];
  return `${method} ${subresource === undefined ? resource : `${resource}/${subresource}`}`;
}
