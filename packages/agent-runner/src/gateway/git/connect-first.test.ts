import { once } from "node:events";
import { createServer as createPlainServer, type AddressInfo, type Server } from "node:net";
import { expect, test } from "vitest";
import { connectFirst } from "./connect-first.ts";

const signal = new AbortController().signal;

/** Takes connections; `greeting` is all it ever says. */
async function host(greeting?: string) {
  const sockets = new Set<{ destroy(): void }>();
  const server: Server = createPlainServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    if (greeting !== undefined) socket.end(greeting);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/team/backlog.git`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

test("a host that says nothing is named, with what opens it, long before Git would give up", async () => {
  await using silent = await host();
  await expect(connectFirst(silent.url, signal, 200)).rejects.toMatchObject({
    verdict: {
      reason: "RepositoryUnreachable",
      message: expect.stringMatching(
        /^https:.* cannot be reached: nothing has answered at 127\.0\.0\.1:\d+ for 0\.2 seconds .*NETWORK_POLICY_OPEN\)$/,
      ) as unknown,
    },
  });
});

test("a gateway that is told to end does not wait for it", async () => {
  await using silent = await host();
  const ending = new AbortController();
  const waiting = connectFirst(silent.url, ending.signal, 60_000);
  ending.abort(new Error("ending"));
  await expect(waiting).rejects.toThrow("ending");
});

test("what speaks, if not as it should, refuses or has no such name is left to Git", async () => {
  let url = "";
  {
    await using plain = await host("HTTP/1.1 400 Bad Request\r\n\r\n");
    url = plain.url;
    await expect(connectFirst(url, signal)).resolves.toBeUndefined();
  }
  await expect(connectFirst(url, signal)).resolves.toBeUndefined();
  await expect(connectFirst("https://name.invalid/x.git", signal)).resolves.toBeUndefined();
  await expect(connectFirst("file:///somewhere", signal)).resolves.toBeUndefined();
});
