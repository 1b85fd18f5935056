import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent } from "undici";
import { expect, test } from "vitest";
import { verdictOf } from "../../steps/run-failure.ts";
import { GitHub } from "./github.ts";

const branch = "orchestrator/run-1";
const wanted = { head: branch, base: "main", commit: "c0ffee", title: "Open the shop", body: "It is open now." };
const opened = {
  number: 7,
  html_url: "https://forge/shop/pull/7",
  state: "open",
  head: { ref: branch, sha: "c0ffee" },
};
const there = {
  message: "Validation Failed",
  errors: [{ resource: "PullRequest", code: "custom", message: `A pull request already exists for local:${branch}.` }],
};

interface Stage extends AsyncDisposable {
  /** What was asked of the forge, in order. */
  asked: string[];
  open(signal?: AbortSignal): ReturnType<GitHub["openOrAdopt"]>;
}

type Step = (response: ServerResponse) => void;

/** A forge that takes one step for each request, the last one again and again. */
async function stage(steps: readonly Step[], options: { timeoutMs?: number } = {}): Promise<Stage> {
  const asked: string[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const step = steps[Math.min(asked.length, steps.length - 1)];
    asked.push(request.method ?? "");
    request.resume();
    step?.(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const dispatcher = new Agent();
  const github = new GitHub({
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    repositoryUrl: "https://forge/local/shop.git",
    dispatcher,
    retryDelaysMs: [1, 1],
    ...options,
  });
  return {
    asked,
    open: async (signal = new AbortController().signal) => await github.openOrAdopt(wanted, signal),
    async [Symbol.asyncDispose]() {
      await dispatcher.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function answer(status: number, body: unknown): Step {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json; charset=utf-8" });
    response.end(JSON.stringify(body));
  };
}

const silence: Step = () => undefined;
const broken: Step = (response) => response.destroy();
const half: Step = (response) => {
  response.writeHead(201, { "content-type": "application/json; charset=utf-8", "content-length": 1000 });
  response.write('{"number":', () => response.destroy());
};
const halfThenSilence: Step = (response) => {
  response.writeHead(200, { "content-type": "application/json; charset=utf-8" });
  response.write("[");
};
const page: Step = (response) => {
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<h1>Sign in</h1>");
};

const none = answer(200, []);
const found = [answer(200, [opened]), answer(200, opened)];
const ref = { number: 7, url: opened.html_url };

test.each<[string, Step]>([
  ["the connection breaks", broken],
  ["only half of the answer comes", half],
  ["something on the way answers 502", answer(502, { message: "Bad Gateway" })],
  ["the forge says that it is there", answer(422, there)],
  ["the forge stays silent", silence],
])("a pull request that is there although %s is searched for and adopted", async (_case, step) => {
  await using forge = await stage([none, step, ...found], { timeoutMs: step === silence ? 1000 : 10_000 });
  expect(await forge.open()).toEqual(ref);
  expect(forge.asked).toEqual(["GET", "POST", "GET", "PATCH"]);
});

test("a refusal for another reason is not asked about again", async () => {
  await using forge = await stage([none, answer(422, { message: "No commits between main and main" })]);
  await expect(forge.open()).rejects.toMatchObject({ verdict: { reason: "DeliveryRefused" } });
  expect(forge.asked).toEqual(["GET", "POST"]);
});

test("a pull request that is said to be there and never shown is a refusal in the end", async () => {
  const steps = [none, answer(422, there)];
  await using forge = await stage([...steps, ...steps, ...steps]);
  await expect(forge.open()).rejects.toMatchObject({ verdict: { reason: "DeliveryRefused" } });
  expect(forge.asked).toHaveLength(6);
});

test.each<[string, Step, string]>([
  ["stays silent", silence, "did not answer GET /repos/{owner}/{repo}/pulls within 0.25 seconds"],
  ["stays silent in the middle", halfThenSilence, "did not answer GET /repos/{owner}/{repo}/pulls within 0.25 seconds"],
  ["answers with a page", page, "its answer to GET /repos/{owner}/{repo}/pulls is not whole JSON"],
])("a forge that %s is unavailable, after every try", async (_case, step, words) => {
  await using forge = await stage([step], { timeoutMs: step === page ? 10_000 : 250 });
  const verdict = verdictOf(await forge.open().catch((error: unknown) => error));
  expect(verdict?.reason).toBe("ForgeUnavailable");
  expect(verdict?.message).toContain(words);
  expect(forge.asked).toEqual(["GET", "GET", "GET"]);
});

test("whoever gives up on a silent forge is told his own reason", async () => {
  await using forge = await stage([silence]);
  const giveUp = new AbortController();
  const opening = forge.open(giveUp.signal);
  await expect.poll(() => forge.asked).toEqual(["GET"]);
  giveUp.abort(new Error("the pod ends"));
  await expect(opening).rejects.toThrow("the pod ends");
});
