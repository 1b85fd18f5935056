import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { addUsd, compareUsd, costUsd, gatewayMessage, type RunInputs } from "@orchestrator/core/pure";
import { expect, test } from "vitest";
import { startProvider, startTestForge, startTestGateway, type TestGateway } from "../support/gateway.ts";
import { waitFor } from "../support/wait.ts";

const model = "claude-sonnet-5-5";
const tokens = { inputTokens: 1000, outputTokens: 500, cacheReadTokens: 0, cacheCreationTokens: 0 };
/** What each answer of these tests costs. */
const priceOfOne = costUsd(tokens, model) ?? "";
const times = (count: number): string => addUsd(Array.from({ length: count }, () => priceOfOne));

interface Stage extends AsyncDisposable {
  run: TestGateway;
  /** Requests that have reached the provider. */
  asked: { model: string; respond: () => void }[];
}

/** A run of these inputs, and a provider that answers when the test says so, or `at once`. */
async function stage(
  inputs: Partial<RunInputs>,
  { answering = "at once", answeredBy = model }: { answering?: "at once" | "when told"; answeredBy?: string } = {},
): Promise<Stage> {
  const stack = new AsyncDisposableStack();
  const forge = stack.use(await startTestForge());
  const asked: Stage["asked"] = [];
  const provide = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = JSON.parse(await text(request)) as { model: string };
    const usage = { input_tokens: tokens.inputTokens, output_tokens: tokens.outputTokens };
    const respond = (): void => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ type: "message", model: answeredBy, usage }));
    };
    asked.push({ model: body.model, respond });
    if (answering === "at once") respond();
  };
  const provider = stack.use(await startProvider((request, response) => void provide(request, response)));
  const url = await forge.createRepository("shop", { "README.md": "# Shop\n" });
  const start = async (given: Partial<RunInputs>): Promise<TestGateway> =>
    stack.use(
      await startTestGateway({
        repository: { url, apiUrl: forge.apiUrl, secretName: "forge" },
        repositorySecret: { token: forge.token, host: "127.0.0.1" },
        modelBaseUrl: provider.url,
        inputs: given,
      }),
    );
  const run = await start(inputs);
  await run.ready();
  return { run, asked, [Symbol.asyncDispose]: async () => await stack.disposeAsync() };
}

async function ask({ gateway }: TestGateway, wanted = model): Promise<{ status: number; body: string }> {
  const headers = { "x-api-key": gateway.door.token, "content-type": "application/json" };
  const body = JSON.stringify({ model: wanted, messages: [] });
  const answer = await fetch(`${gateway.door.address}/model/v1/messages?beta=true`, { method: "POST", headers, body });
  return { status: answer.status, body: await answer.text() };
}

test("at the cap of the cost nothing more is passed on, and the round ends as BudgetExceeded", async () => {
  await using stand = await stage({ budget: { maxCostUsd: times(2) } });
  expect((await ask(stand.run)).status).toBe(200);
  expect(stand.run.report()).not.toHaveProperty("verdict");
  expect((await ask(stand.run)).status).toBe(200);
  const refused = await ask(stand.run);
  expect(refused.status).toBe(402);
  expect(refused.body).toContain("BudgetExceeded: the round has cost");
  expect(stand.asked).toHaveLength(2);
  expect(stand.run.report()).toMatchObject({
    verdict: { reason: "BudgetExceeded", message: expect.stringContaining("spec.budget.maxCostUsd is") as unknown },
    usage: { turns: 2, costUsd: times(2) },
  });
});

test("what is over the cap is what was under way when it was met, and no more", async () => {
  await using stand = await stage({ budget: { maxCostUsd: priceOfOne } }, { answering: "when told" });
  const asking = Array.from({ length: 5 }, async () => await ask(stand.run));
  await waitFor("five requests at the provider", async () =>
    stand.asked.length === 5 ? { done: true } : { pending: stand.asked.length },
  );
  stand.asked[0]?.respond();
  await waitFor("the cap to be met", async () => {
    const { usage } = stand.run.report();
    return usage.turns === 1 ? { done: true } : { pending: usage };
  });
  expect((await ask(stand.run)).status).toBe(402);
  for (const { respond } of stand.asked.slice(1)) respond();
  expect((await Promise.all(asking)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  expect((await ask(stand.run)).status).toBe(402);
  expect(stand.asked).toHaveLength(5);
  const { usage } = stand.run.report();
  // Met by the first answer; the overshoot is the four that were in flight.
  expect(usage.costUsd).toBe(times(5));
  expect(compareUsd(usage.costUsd ?? "", addUsd([priceOfOne, times(4)]))).toBe(0);
});

test("the turns of a round are limited too, and another attempt would have none", async () => {
  await using stand = await stage({ budget: { maxTurns: 1 } });
  await ask(stand.run);
  const refused = await ask(stand.run);
  expect(refused).toMatchObject({ status: 402, body: expect.stringContaining("MaxTurnsReached: ") as unknown });
  expect(stand.asked).toHaveLength(1);
  expect(stand.run.report().verdict).toMatchObject({ reason: "MaxTurnsReached", final: true });
});

test("what earlier attempts have used counts, and is told as the round's", async () => {
  const spent = { ...tokens, turns: 1, costUsd: priceOfOne };
  await using stand = await stage({ attempt: 2, spent, budget: { maxCostUsd: times(2) } });
  await ask(stand.run);
  expect((await ask(stand.run)).status).toBe(402);
  const report = gatewayMessage.parse(JSON.parse(stand.run.terminationMessage()));
  expect(report).toMatchObject({
    usage: { turns: 1, costUsd: priceOfOne },
    roundUsage: { turns: 2, inputTokens: 2000, costUsd: times(2) },
  });
});

test("a model without a known price is refused where the cost is limited, before anything is spent", async () => {
  await using stand = await stage({ budget: { maxCostUsd: "5" } });
  const refused = await ask(stand.run, "house-model-1");
  expect(refused.status).toBe(402);
  expect(refused.body).toContain("model house-model-1 has no known price");
  expect(stand.asked).toEqual([]);
  expect(stand.run.report()).toMatchObject({ verdict: { reason: "InvalidInput" }, usage: { turns: 0 } });
});

test("a model that answers as another one, whose price is not known, is asked no more", async () => {
  await using stand = await stage({ budget: { maxCostUsd: "5" } }, { answeredBy: "house-model-1" });
  await ask(stand.run);
  expect((await ask(stand.run)).status).toBe(402);
  expect(stand.run.report().verdict).toMatchObject({
    reason: "InvalidInput",
    message: expect.stringContaining("house-model-1") as unknown,
  });
});

test("without a budget the model may be any", async () => {
  await using stand = await stage({});
  expect((await ask(stand.run, "house-model-1")).status).toBe(200);
  expect(stand.asked).toMatchObject([{ model: "house-model-1" }]);
});

test.each([
  [429, "RateLimited"],
  [529, "ModelOverloaded"],
])("what a provider asks to wait with %i is told with the reason", async (status, reason) => {
  await using forge = await startTestForge();
  await using provider = await startProvider((request, response) => {
    request.resume();
    void once(request, "end").then(() => {
      response.writeHead(status, { "retry-after": "3600" });
      response.end(JSON.stringify({ error: { message: "later" } }));
    });
  });
  const url = await forge.createRepository("shop", { "README.md": "# Shop\n" });
  await using run = await startTestGateway({
    repository: { url, apiUrl: forge.apiUrl, secretName: "forge" },
    repositorySecret: { token: forge.token, host: "127.0.0.1" },
    modelBaseUrl: provider.url,
  });
  await run.ready();
  expect((await ask(run)).status).toBe(status);
  expect(run.report()).toMatchObject({ verdict: { reason }, retryAfterSeconds: 3600 });
});
