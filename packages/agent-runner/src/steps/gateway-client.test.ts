import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, onTestFinished } from "vitest";
import { awaitRepository, type GatewayClientOptions, requestDelivery } from "./gateway-client.ts";
import { pathsUnder } from "./paths.ts";

let root: string;
let options: GatewayClientOptions;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "gateway-client-"));
  const paths = pathsUnder(root);
  await mkdir(paths.door, { recursive: true });
  options = { paths, signal: new AbortController().signal, patienceMs: 5000 };
});
afterEach(() => rm(root, { recursive: true }));

async function openDoor(listener: RequestListener): Promise<void> {
  const server = createServer(listener);
  onTestFinished(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await writeFile(
    join(options.paths.door, "door.json"),
    JSON.stringify({ address: `http://127.0.0.1:${port}`, token: "t" }),
  );
}

it("waits for the door, and takes a gateway that has restarted behind another one", async () => {
  const answer = awaitRepository(options);
  await writeFile(
    join(options.paths.door, "door.json"),
    JSON.stringify({ address: "http://127.0.0.1:1", token: "old" }),
  );
  await openDoor((request, response) => {
    response.end(JSON.stringify({ state: "ready", baseCommit: request.headers.authorization }));
  });
  await expect(answer).resolves.toEqual({ baseCommit: "Bearer t", delivered: false });
});

it("ends with the gateway's verdict", async () => {
  const verdict = { reason: "BranchNotFound", message: "There is no develop." };
  await openDoor((_request, response) => void response.end(JSON.stringify({ state: "failed", verdict })));
  await expect(awaitRepository(options)).rejects.toMatchObject({ verdict });
});

it("gives up a gateway that does not answer", async () => {
  await writeFile(join(options.paths.door, "door.json"), JSON.stringify({ address: "http://127.0.0.1:1", token: "t" }));
  await expect(awaitRepository({ ...options, patienceMs: 1 })).rejects.toMatchObject({
    verdict: { reason: "RepositoryUnreachable" },
  });
});

it("says so when the gateway fails", async () => {
  await openDoor((_request, response) => void response.writeHead(500).end('{"error": "x"}'));
  await expect(requestDelivery(options, { title: "t", body: "b" })).rejects.toMatchObject({
    name: "GatewayError",
    path: "/v1/delivery",
    status: 500,
  });
});

it("stops waiting when it is told to", async () => {
  const stop = new AbortController();
  const answer = awaitRepository({ ...options, signal: stop.signal });
  stop.abort();
  await expect(answer).rejects.toThrow("aborted");
});
