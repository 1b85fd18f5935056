import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { expect, test } from "vitest";
import { connectFirst } from "./connect-first.ts";

const signal = new AbortController().signal;

/** A program that listens and then is stopped: the kernel drops who connects once its short queue is full. */
async function silentHost() {
  const program = `require("net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, function () {
    console.log(this.address().port);
  })`;
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const [text] = (await once(child.stdout, "data")) as [Buffer];
  const port = Number(text);
  child.kill("SIGSTOP");
  const queue: Socket[] = [];
  for (;;) {
    const socket = connect({ host: "127.0.0.1", port });
    queue.push(socket);
    const queued = await once(socket, "connect", { signal: AbortSignal.timeout(300) }).then(
      () => true,
      () => false,
    );
    if (!queued) break;
  }
  return {
    url: `https://127.0.0.1:${port}/team/backlog.git`,
    async [Symbol.asyncDispose]() {
      for (const socket of queue) socket.on("error", () => {}).destroy();
      child.kill("SIGKILL");
      await once(child, "close");
    },
  };
}

test("a host that drops packets is named, with what opens it, long before Git would give up", async () => {
  await using host = await silentHost();
  await expect(connectFirst(host.url, signal, 200)).rejects.toMatchObject({
    verdict: {
      reason: "RepositoryUnreachable",
      message: expect.stringMatching(
        /^https:.* cannot be reached: nothing has answered at 127\.0\.0\.1:\d+ for 0\.2 seconds .*NETWORK_POLICY_OPEN\)$/,
      ) as unknown,
    },
  });
});

test("a gateway that is told to end does not wait for it", async () => {
  await using host = await silentHost();
  const ending = new AbortController();
  const waiting = connectFirst(host.url, ending.signal, 60_000);
  ending.abort(new Error("ending"));
  await expect(waiting).rejects.toThrow("ending");
});

test("what answers, refuses or has no such name is left to Git", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await expect(connectFirst(`https://127.0.0.1:${port}/x.git`, signal)).resolves.toBeUndefined();
  server.close();
  await once(server, "close");
  await expect(connectFirst(`https://127.0.0.1:${port}/x.git`, signal)).resolves.toBeUndefined();
  await expect(connectFirst("https://name.invalid/x.git", signal)).resolves.toBeUndefined();
  await expect(connectFirst("file:///somewhere", signal)).resolves.toBeUndefined();
});
