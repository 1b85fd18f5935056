import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { join } from "node:path";
import { json, text } from "node:stream/consumers";
import { addUsd, costUsd } from "@orchestrator/core/pure";
import type { Forge } from "@orchestrator/local-cluster";
import { expect, test } from "vitest";
import { modelKey, startProvider, startTestForge, startTestGateway, type TestGateway } from "../support/gateway.ts";
import { waitFor } from "../support/wait.ts";

type Provide = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

interface Stage extends AsyncDisposable {
  run: TestGateway;
  /** Asks the provider for a message through the gateway, as the agent's session of that name. */
  ask(options?: { session?: string; token?: string; signal?: AbortSignal; path?: string }): Promise<Response>;
}

/** A run whose repository is ready, and a provider that answers by `provide`. */
async function stage(provide: Provide, path = ""): Promise<Stage> {
  const stack = new AsyncDisposableStack();
  const forge: Forge & AsyncDisposable = stack.use(await startTestForge());
  const provider = stack.use(await startProvider((request, response) => void provide(request, response)));
  const url = await forge.createRepository("shop", { "README.md": "# Shop\n" });
  const run = stack.use(
    await startTestGateway({
      repository: { url, apiUrl: forge.apiUrl, secretName: "forge" },
      repositorySecret: { token: forge.token, host: "127.0.0.1" },
      modelBaseUrl: `${provider.url}${path}`,
    }),
  );
  await run.ready();
  const { address, token } = run.gateway.door;
  return {
    run,
    async ask(options = {}) {
      return await fetch(`${address}/model${options.path ?? "/v1/messages?beta=true"}`, {
        method: "POST",
        headers: {
          "x-api-key": options.token ?? token,
          "content-type": "application/json",
          "x-claude-code-session-id": options.session ?? "session-1",
        },
        body: JSON.stringify({ model: "claude-sonnet-5-5", messages: [] }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      });
    },
    async [Symbol.asyncDispose]() {
      await stack.disposeAsync();
    },
  };
}

function event(type: string, data: object = {}): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
}

const start = event("message_start", {
  message: {
    model: "claude-sonnet-5-5",
    usage: { input_tokens: 1000, output_tokens: 1, cache_read_input_tokens: 200, cache_creation_input_tokens: 40 },
  },
});
/** What an answer of `start` and `end` costs. */
const priceOfOne =
  costUsd(
    { inputTokens: 1000, outputTokens: 50, cacheReadTokens: 200, cacheCreationTokens: 40 },
    "claude-sonnet-5-5",
  ) ?? "";
const end =
  event("message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: 50 } }) + event("message_stop");

function streamWhole(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  response.end(start + end);
}

function refuse(response: ServerResponse, status: number, message: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ type: "error", error: { type: "some_error", message } }));
}

test("the key is put in, the caller's token is taken out, and a path of the base URL is kept", async () => {
  const seen: { url: string | undefined; headers: IncomingMessage["headers"]; body: unknown }[] = [];
  await using stand = await stage(async (request, response) => {
    seen.push({ url: request.url, headers: request.headers, body: await json(request) });
    streamWhole(response);
  }, "/anthropic/");
  await (await stand.ask()).text();
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatchObject({
    url: "/anthropic/v1/messages?beta=true",
    headers: { "x-api-key": modelKey, "accept-encoding": "identity", "x-claude-code-session-id": "session-1" },
    body: { model: "claude-sonnet-5-5" },
  });
  expect(JSON.stringify(seen)).not.toContain(stand.run.gateway.door.token);
});

test("nobody gets to the provider without the door's token", async () => {
  let asked = 0;
  await using stand = await stage((_request, response) => {
    asked += 1;
    streamWhole(response);
  });
  expect((await stand.ask({ token: "guessed" })).status).toBe(401);
  expect(asked).toBe(0);
});

/** Sends the path as it is: `fetch` would tidy it up. */
async function askFor(run: TestGateway, method: string, path: string): Promise<{ status: number; body: string }> {
  const { address, token } = run.gateway.door;
  const { hostname, port } = new URL(address);
  const asked = request({ hostname, port, method, path: `/model${path}`, headers: { "x-api-key": token } });
  asked.end(method === "POST" ? "{}" : undefined);
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, body: await text(answer) };
}

const notPassedOn: readonly [method: string, path: string][] = [
  ["POST", "/v1/messages/batches"],
  ["GET", "/v1/messages/batches"],
  ["POST", "/v1/files"],
  ["POST", "/v1/complete"],
  ["GET", "/v1/organizations/api_keys"],
  ["GET", "/v1/messages"],
  ["PUT", "/v1/messages"],
  ["POST", "/v1/messages/"],
  ["POST", "//v1/messages"],
  ["POST", "/v1//messages"],
  ["POST", "/v1/messages%20"],
  ["POST", "/v1/messages%3Fbeta=true"],
  ["POST", "/v1/%6dessages"],
  ["POST", "/V1/messages"],
  ["POST", "/v1/messages#part"],
  ["POST", "/v1/messages;a=b"],
  ["POST", "/v1/models/../messages"],
  ["POST", "/v1/messages/count_tokens/../batches"],
  ["POST", "/v1/models"],
  ["GET", "/v1/models/"],
  ["GET", "/v1/models/.."],
  ["GET", "/v1/models/../files"],
  ["GET", "/v1/models/%2e%2e%2ffiles"],
  ["DELETE", "/v1/models/claude-sonnet-5-5"],
  ["HEAD", "/"],
  ["GET", "/"],
];

test("what the key opens beside messages, counting and models is not passed on", async () => {
  let asked = 0;
  await using stand = await stage((_request, response) => {
    asked += 1;
    streamWhole(response);
  });
  // Nothing of it needs the key.
  await rm(join(stand.run.root, "credentials", "model", "api-key"));
  for (const [method, path] of notPassedOn) {
    const message = `this run's gateway does not pass on ${method} ${path}`;
    const body = JSON.stringify({ type: "error", error: { type: "not_found_error", message } });
    expect(await askFor(stand.run, method, path)).toEqual({ status: 404, body: method === "HEAD" ? "" : body });
  }
  expect(asked).toBe(0);
  expect(stand.run.report()).toMatchObject({ usage: { turns: 0 } });
  expect(stand.run.report()).not.toHaveProperty("verdict");
});

test.each([
  ["POST", "/v1/messages"],
  ["POST", "/v1/messages?beta=true"],
  ["POST", "/v1/messages/count_tokens?beta=true"],
  ["GET", "/v1/models?limit=1000"],
  ["GET", "/v1/models/claude-sonnet-5-5"],
])("%s %s is passed on with the key", async (method, path) => {
  const seen: unknown[] = [];
  await using stand = await stage((request, response) => {
    seen.push([request.method, request.url, request.headers["x-api-key"]]);
    streamWhole(response);
  });
  expect((await askFor(stand.run, method, path)).status).toBe(200);
  expect(seen).toEqual([[method, path, modelKey]]);
});

test("an answer streams through piece by piece, and its tokens are counted and priced", async () => {
  const middle = Promise.withResolvers<ServerResponse>();
  await using stand = await stage((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    // Cut in the middle of a line, as a network may.
    response.write(start.slice(0, 60));
    response.write(start.slice(60));
    middle.resolve(response);
  });
  const answer = await stand.ask();
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let received = "";
  // The provider has not ended its answer, and yet its first event is here.
  while (!received.includes("message_start")) received += (await reader?.read())?.value ?? "";
  expect(stand.run.report().usage.turns).toBe(0);
  (await middle.promise).end(end);
  for (let piece = await reader?.read(); piece?.done === false; piece = await reader?.read()) received += piece.value;
  expect(received).toBe(start + end);
  expect(stand.run.report()).toMatchObject({
    model: "claude-sonnet-5-5",
    usage: {
      inputTokens: 1000,
      outputTokens: 50,
      cacheReadTokens: 200,
      cacheCreationTokens: 40,
      turns: 1,
      costUsd: priceOfOne,
    },
  });
});

test("an answer that is not streamed is counted too, and counting tokens beforehand is not", async () => {
  await using stand = await stage((request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const usage = { input_tokens: 10, output_tokens: 5 };
    if (request.url?.includes("count_tokens") === true) response.end(JSON.stringify({ input_tokens: 99 }));
    else response.end(JSON.stringify({ type: "message", model: "claude-haiku-5-5", usage }));
  });
  await (await stand.ask()).json();
  await (await stand.ask({ path: "/v1/messages/count_tokens" })).json();
  expect(stand.run.report().usage).toMatchObject({ inputTokens: 10, outputTokens: 5, turns: 1 });
});

test("a model without a known price leaves the cost unknown rather than too low", async () => {
  let model = "claude-sonnet-5-5";
  await using stand = await stage((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ type: "message", model, usage: { input_tokens: 10, output_tokens: 5 } }));
  });
  await (await stand.ask()).json();
  model = "house-model-1";
  await (await stand.ask()).json();
  expect(stand.run.report()).toMatchObject({ model: "house-model-1", usage: { inputTokens: 20, turns: 2 } });
  expect(stand.run.report().usage).not.toHaveProperty("costUsd");
});

test("what was used is still counted after the gateway was started again", async () => {
  await using stand = await stage((_request, response) => streamWhole(response));
  await (await stand.ask()).text();
  await stand.run.stop();
  const again = await startTestGateway({
    repository: stand.run.inputs.repository,
    modelBaseUrl: stand.run.inputs.modelBaseUrl,
    root: stand.run.root,
  });
  const { address, token } = again.gateway.door;
  const headers = { authorization: `Bearer ${token}` };
  await (await fetch(`${address}/model/v1/messages`, { method: "POST", headers, body: "{}" })).text();
  const cost = addUsd([priceOfOne, priceOfOne]);
  expect(again.report().usage).toMatchObject({ inputTokens: 2000, outputTokens: 100, turns: 2, costUsd: cost });
  await again.stop();
});

test("a caller that goes away ends the request to the provider, and what was told of its tokens is counted", async () => {
  const begun = Promise.withResolvers<ServerResponse>();
  await using stand = await stage((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(start);
    begun.resolve(response);
  });
  const caller = new AbortController();
  const answer = await stand.ask({ signal: caller.signal });
  await answer.body?.getReader().read();
  const upstream = await begun.promise;
  caller.abort();
  if (!upstream.destroyed) await once(upstream, "close");
  await waitFor("the gateway to count what it saw", async () => {
    const { usage } = stand.run.report();
    return usage.inputTokens === 1000 ? { done: usage } : { pending: usage };
  });
  expect(stand.run.report()).toMatchObject({ usage: { inputTokens: 1000, outputTokens: 1, turns: 0 } });
  expect(stand.run.report()).not.toHaveProperty("verdict");
});

test.each([
  [401, "ModelAuthFailed", "refused the key of Secret orchestrator-model"],
  [403, "ModelAuthFailed", "refused the key"],
  [404, "InvalidInput", "does not know"],
  [429, "RateLimited", "limits the rate"],
  [500, "ModelOverloaded", "cannot answer"],
  [529, "ModelOverloaded", "cannot answer"],
])("a provider that answers %i gives the run the reason %s", async (status, reason, words) => {
  await using stand = await stage((_request, response) =>
    refuse(response, status, "no more for today", { "retry-after": "120" }),
  );
  const answer = await stand.ask();
  expect(answer.status).toBe(status);
  expect(answer.headers.get("retry-after")).toBe("120");
  expect(await answer.json()).toMatchObject({ error: { message: "no more for today" } });
  expect(stand.run.report().verdict).toMatchObject({ reason });
  expect(stand.run.report().verdict?.message).toContain(words);
  expect(stand.run.report().verdict?.message).toContain(`${status} no more for today`);
});

test("an error inside a stream counts as the provider's error", async () => {
  await using stand = await stage((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end(start + event("error", { error: { type: "overloaded_error", message: "Overloaded" } }));
  });
  await (await stand.ask()).text();
  expect(stand.run.report()).toMatchObject({
    verdict: { reason: "ModelOverloaded" },
    usage: { inputTokens: 1000, turns: 0 },
  });
});

test("a request that is the agent's own fault, and an error made good by the same session, give no reason", async () => {
  let status = 400;
  await using stand = await stage((_request, response) => {
    if (status === 200) streamWhole(response);
    else refuse(response, status, "not now");
  });
  const report = (): string | undefined => stand.run.report().verdict?.reason;
  await (await stand.ask()).text();
  expect(report()).toBeUndefined();
  status = 529;
  await (await stand.ask({ session: "a" })).text();
  expect(report()).toBe("ModelOverloaded");
  status = 200;
  await (await stand.ask({ session: "b" })).text();
  expect(report()).toBe("ModelOverloaded");
  await (await stand.ask({ session: "a" })).text();
  expect(report()).toBeUndefined();
});

test("a provider that cannot be reached is told to the agent in the provider's form", async () => {
  await using forge = await startTestForge();
  const url = await forge.createRepository("shop", { "README.md": "# Shop\n" });
  await using run = await startTestGateway({
    repository: { url, apiUrl: forge.apiUrl, secretName: "forge" },
    repositorySecret: { token: forge.token, host: "127.0.0.1" },
  });
  const { address, token } = run.gateway.door;
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${address}/model/v1/messages`, { method: "POST", headers, body: "{}" });
  expect(answer.status).toBe(502);
  expect(await answer.json()).toMatchObject({ type: "error", error: { type: "api_error" } });
  expect(run.report().verdict).toMatchObject({ reason: "ModelOverloaded" });
});

test("a key that is replaced in its Secret is used at once; one that is removed is asked for", async () => {
  const keys: unknown[] = [];
  await using stand = await stage((request, response) => {
    keys.push(request.headers["x-api-key"]);
    streamWhole(response);
  });
  const file = join(stand.run.root, "credentials", "model", "api-key");
  await (await stand.ask()).text();
  await writeFile(file, "sk-second-key\n");
  await (await stand.ask()).text();
  expect(keys).toEqual([modelKey, "sk-second-key"]);
  await rm(file);
  const answer = await stand.ask();
  expect(answer.status).toBe(401);
  expect(await answer.json()).toMatchObject({ error: { type: "authentication_error" } });
});

test("no secret reaches the log, the door or the termination message, even when a provider repeats it", async () => {
  await using stand = await stage((request, response) =>
    refuse(response, 401, `the key ${String(request.headers["x-api-key"])} is not known`),
  );
  await (await stand.ask()).text();
  const { log, gateway } = stand.run;
  expect(log.join("")).toContain("the key [redacted] is not known");
  expect(stand.run.terminationMessage()).toContain("the key [redacted] is not known");
  for (const text of [log.join(""), stand.run.terminationMessage(), JSON.stringify(gateway.door)]) {
    expect(text).not.toContain(modelKey);
  }
  expect(log.join("")).not.toContain(gateway.door.token);
});
