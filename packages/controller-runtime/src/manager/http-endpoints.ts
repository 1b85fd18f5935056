import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Answer {
  status: number;
  body: string;
  /** Default: `text/plain; charset=utf-8`. */
  contentType?: string;
}

/** Answers requests by their path, whatever the method; every other path is 404. */
export class HttpEndpoints {
  readonly #server: Server;

  constructor(endpoints: Readonly<Record<string, () => Answer | Promise<Answer>>>) {
    this.#server = createServer((request, response) => {
      const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
      const answer = Object.hasOwn(endpoints, path) ? endpoints[path] : undefined;
      const produce = async (): Promise<Answer> => (answer ? answer() : { status: 404, body: "not found" });
      produce().then(
        ({ status, body, contentType = "text/plain; charset=utf-8" }) =>
          response.writeHead(status, { "content-type": contentType }).end(body),
        (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : "internal error"),
      );
    });
  }

  /**
   * Listens on every address of this machine.
   *
   * @param port 0 for any free one
   * @returns the port in use
   */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, () => {
        this.#server.off("error", reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}
