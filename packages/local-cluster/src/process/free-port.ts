import { randomInt } from "node:crypto";
import { createServer } from "node:net";

// Below the range from which Linux gives ports to outgoing connections, so that a port stays free while its process is down.
const LOWEST = 20_000;
const HIGHEST = 32_000;

/** `count` different loopback TCP ports that nothing listens on. */
export async function findFreePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = randomInt(LOWEST, HIGHEST);
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  return [...found];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
