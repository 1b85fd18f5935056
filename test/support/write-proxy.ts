import { type Call, startTappedProxy } from "./tapped-proxy.ts";

export interface WriteProxy {
  /** `http://127.0.0.1:PORT`, for the kubeconfig of the program under test. */
  readonly server: string;
  /** What was written so far, Leases left out: `POST jobs`, `PATCH docsgenerationruns/status`. */
  readonly writes: readonly string[];
  close(): Promise<void>;
}

export interface WriteProxyOptions {
  server: string;
  /** PEM text of the API server's authority. */
  ca: string;
  /**
   * Called when the API server has carried out the n-th write (from 1); the program hears of it when what is answered
   * here has resolved.
   */
  onWrite: (count: number, write: string) => unknown;
}

/** Stands between a program and the API server and sees each write at the moment it has become true. */
export async function startWriteProxy({ server, ca, onWrite }: WriteProxyOptions): Promise<WriteProxy> {
  const writes: string[] = [];
  const proxy = await startTappedProxy({
    target: server,
    ca,
    tls: false,
    async onAnswer(call, status) {
      const write = describeWrite(call);
      if (write === undefined || status >= 300) return;
      writes.push(write);
      await onWrite(writes.length, write);
    },
  });
  return { server: proxy.url, writes, close: async () => await proxy[Symbol.asyncDispose]() };
}

function describeWrite({ method, path }: Call): string | undefined {
  if (method === "GET" || path.includes("/leases")) return undefined;
  const { pathname } = new URL(path, "http://localhost");
  const [, resource = pathname, , subresource] =
    /\/namespaces\/[^/]+\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?/.exec(pathname) ?? [];
  return `${method} ${subresource === undefined ? resource : `${resource}/${subresource}`}`;
}
