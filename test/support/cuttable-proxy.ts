import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface CuttableProxy extends AsyncDisposable {
  /** Where to connect instead of the API server. */
  readonly server: string;
  /** Breaks all connections and accepts no more, or, where a number is given, refuses only so many. */
  cut(connections?: number): void;
  mend(): void;
}

/** Passes bytes on to the API server as a network would, until it is cut. */
export async function startCuttableProxy(target: string): Promise<CuttableProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let toRefuse = 0;
  const proxy = createServer((incoming) => {
    if (toRefuse > 0) {
      toRefuse -= 1;
      return void incoming.resetAndDestroy();
    }
    const outgoing = connect(Number(port), hostname);
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const breakAll = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    server: `https://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    cut: (connections = Number.POSITIVE_INFINITY) => {
      toRefuse = connections;
      breakAll();
    },
    mend: () => {
      toRefuse = 0;
    },
    [Symbol.asyncDispose]: async () => {
      breakAll();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
