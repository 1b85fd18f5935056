import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer, request } from "node:https";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { serverTls } from "./cluster.ts";

export interface Call {
  method: string;
  /** With its query. */
  path: string;
}

/** What a test does between a request and its answer; the one who asked waits until it has resolved. */
export interface Tap {
  /** The request has come, and has not been passed on. */
  onRequest?(call: Call): Promise<void> | void;
  /** The server has answered that very call, and nobody has heard of it. */
  onAnswer?(call: Call, status: number): Promise<void> | void;
}

export interface TappedProxyOptions extends Tap {
  /** `https:` address. */
  target: string;
  /** PEM text of the target's authority. */
  ca: string;
  /** Whether it speaks TLS itself. Default: true. */
  tls?: boolean;
}

export interface TappedProxy extends AsyncDisposable {
  /** Stands for the target's address. */
  readonly url: string;
}

/** Stands between a program and a server, and lets a test see and hold what passes. */
export async function startTappedProxy(options: TappedProxyOptions): Promise<TappedProxy> {
  const { tls = true } = options;
  const proxy = tls ? createTlsServer(await serverTls()) : createServer();
  proxy.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
    // Whoever asked sees a broken connection, as without the proxy.
    pass(options, incoming, outgoing).catch(() => outgoing.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return {
    url: `${tls ? "https" : "http"}://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      proxy.closeAllConnections();
      proxy.close();
      await once(proxy, "close");
    },
  };
}

async function pass(options: TappedProxyOptions, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { target, ca } = options;
  const call: Call = { method: incoming.method ?? "GET", path: incoming.url ?? "/" };
  await options.onRequest?.(call);
  if (outgoing.destroyed) return;
  const headers = { ...incoming.headers, host: new URL(target).host };
  const asked = request(new URL(call.path, target), { method: call.method, headers, ca });
  outgoing.once("close", () => asked.destroy());
  asked.on("error", () => outgoing.destroy());
  incoming.pipe(asked);
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  const status = answer.statusCode ?? 502;
  await options.onAnswer?.(call, status);
  outgoing.writeHead(status, answer.headers);
  outgoing.flushHeaders();
  await pipeline(answer, outgoing);
}
