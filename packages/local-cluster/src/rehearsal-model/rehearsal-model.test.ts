import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatTaskBlock, type TaskBlock } from "@orchestrator/core/pure";
import { Agent, request } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ensureCertificates } from "../control-plane/certificates.ts";
import { type RehearsalModel, startRehearsalModel } from "./rehearsal-model.ts";
import { scenarios } from "./scenario.ts";

const slowMs = 1;
let model: RehearsalModel;
beforeEach(async () => {
  model = await startRehearsalModel({ slowMs });
});
afterEach(() => model.close());

const files = { task: "d/task.md", prompt: "d/prompt.md", acceptanceCriteria: "d/acceptance-criteria.md" };

function docs(text = ""): TaskBlock {
  return { kind: "DocsGenerationRun", task: { id: 3, title: "Sort", description: text }, files, format: "Markdown" };
}

function implementation(text = ""): TaskBlock {
  const task = { id: 3, title: "Sort", description: text };
  return { kind: "TaskImplementationRun", task, serviceName: "api", workingDirectory: ".", documents: [] };
}

interface Block {
  type: string;
  text?: string;
  name?: string;
  input?: Record<string, string>;
}

interface Message {
  model: string;
  content: Block[];
  stop_reason: string;
  usage: Record<string, number>;
  error?: { type: string; message: string };
}

function post(path: string, body: string, headers: Record<string, string> = { "x-api-key": "any" }) {
  return request(`${model.url}${path}`, { method: "POST", body, headers });
}

async function ask(block: TaskBlock | undefined, turns: unknown[] = []): Promise<{ status: number; message: Message }> {
  const prompt = `# Do it\n\n${block === undefined ? "" : formatTaskBlock(block)}\n`;
  const environment = {
    role: "system",
    content: "# Environment\n - Primary working directory: /work/tree\n - Shell: sh",
  };
  const body = { model: "opus", messages: [{ role: "user", content: prompt }, environment, ...turns] };
  const answer = await post("/v1/messages?beta=true", JSON.stringify(body));
  return { status: answer.statusCode, message: (await answer.body.json()) as Message };
}

/** Answers every tool call as the agent would, until the model ends its turn. */
async function session(block: TaskBlock): Promise<Block[]> {
  const turns: unknown[] = [];
  for (;;) {
    const { status, message } = await ask(block, turns);
    if (status !== 200) throw new Error(JSON.stringify(message));
    turns.push({ role: "assistant", content: message.content });
    if (message.stop_reason === "end_turn") return turns.flatMap((turn) => (turn as { content: Block[] }).content);
    const ids = (message.content as { type: string; id: string }[]).filter(({ type }) => type === "tool_use");
    turns.push({
      role: "user",
      content: ids.map(({ id }) => ({ type: "tool_result", tool_use_id: id, content: "ok" })),
    });
  }
}

const written = (blocks: Block[]) =>
  blocks.filter(({ name }) => name === "Write").map(({ input }) => input?.["file_path"]);

describe("a docs session", () => {
  it("looks around, writes the three documents below the agent's working directory, and ends", async () => {
    const blocks = await session(docs());
    expect(blocks.filter(({ type }) => type === "tool_use").map(({ name }) => name)).toEqual([
      "Glob",
      "Write",
      "Write",
      "Write",
    ]);
    expect(written(blocks)).toEqual(Object.values(files).map((path) => `/work/tree/${path}`));
  });

  it("labels each document as a rehearsal", async () => {
    const contents = (await session(docs())).flatMap(({ input }) => input?.["content"] ?? []);
    expect(contents).toHaveLength(3);
    for (const content of contents) expect(content).toContain("no real model was asked");
  });

  it.each([
    { scenario: "no-files", paths: [] },
    { scenario: "no-files-at-first", paths: [] },
    { scenario: "one-file-missing", paths: [files.task, files.prompt] },
    { scenario: "broken-document", paths: Object.values(files) },
    { scenario: "slow", paths: Object.values(files) },
  ])("of $scenario writes $paths.length files", async ({ scenario, paths }) => {
    const blocks = await session(docs(`[[rehearse:${scenario}]]`));
    expect(written(blocks)).toEqual(paths.map((path) => `/work/tree/${path}`));
  });
});

describe("a session that is told what was wrong", () => {
  it.each([
    {
      block: docs("[[rehearse:no-files-at-first]]"),
      told: "An earlier attempt at this task ended before the work was complete.",
      paths: Object.values(files),
    },
    {
      block: implementation("[[rehearse:fails-verification-at-first]]"),
      told: "# Verification failed",
      paths: ["services/api/checked.txt"],
    },
  ])("after $told does what it has left undone", async ({ block, told, paths }) => {
    const { message } = await ask(block, [
      { role: "assistant", content: [{ type: "tool_use", id: "1", name: "Glob", input: {} }] },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "1", content: "ok" },
          { type: "text", text: told },
        ],
      },
    ]);
    expect(written(message.content)).toEqual(paths.map((path) => `/work/tree/${path}`));
  });
});

describe("an implementation", () => {
  it("writes a module and its test in the service's folder and runs the test", async () => {
    const blocks = await session(implementation());
    expect(written(blocks)).toEqual(["/work/tree/services/api/task-3.mjs", "/work/tree/services/api/task-3.test.mjs"]);
    expect(blocks.filter(({ name }) => name === "Bash").map(({ input }) => input?.["command"])).toEqual([
      "git status --short",
      "node --test 'services/api/task-3.test.mjs'",
    ]);
  });

  it("of nothing changes nothing", async () => {
    expect(written(await session(implementation("[[rehearse:nothing]]")))).toEqual([]);
  });

  it.each([
    { scenario: "secret", path: "services/api/deploy.env", content: /^TOKEN=ghp_[a-z0-9]{36}\n$/ },
    { scenario: "ignored-file", path: "services/api/ignored.log", content: /rehearsal/ },
  ])("of $scenario writes one file", async ({ scenario, path, content }) => {
    const blocks = await session(implementation(`[[rehearse:${scenario}]]`));
    expect(written(blocks)).toEqual([`/work/tree/${path}`]);
    expect(blocks.find(({ name }) => name === "Write")?.input?.["content"]).toMatch(content);
  });

  it("of many-turns looks around fifty times", async () => {
    const looks = (await session(implementation("[[rehearse:many-turns]]"))).filter(
      ({ input }) => input?.["command"] === "git status --short",
    );
    expect(looks).toHaveLength(50);
  });

  it.each([
    { scenario: "oom", command: /Buffer\.alloc/ },
    { scenario: "kill-agent", command: /^kill -9/ },
  ])("of $scenario runs its command once", async ({ scenario, command }) => {
    const blocks = await session(implementation(`[[rehearse:${scenario}]]`));
    expect(blocks.filter(({ input }) => command.test(input?.["command"] ?? ""))).toHaveLength(1);
  });
});

describe("a request", () => {
  it.each([
    { scenario: "http-400", status: 400, type: "invalid_request_error", retryAfter: undefined },
    { scenario: "http-404", status: 404, type: "not_found_error", retryAfter: undefined },
    { scenario: "http-429-soon", status: 429, type: "rate_limit_error", retryAfter: "2" },
    { scenario: "http-401", status: 401, type: "authentication_error", retryAfter: undefined },
    { scenario: "http-429", status: 429, type: "rate_limit_error", retryAfter: "120" },
    { scenario: "http-429-plain", status: 429, type: "rate_limit_error", retryAfter: undefined },
    { scenario: "http-500", status: 500, type: "api_error", retryAfter: undefined },
    { scenario: "http-529", status: 529, type: "overloaded_error", retryAfter: undefined },
  ])("of $scenario is refused with $status", async ({ scenario, status, type, retryAfter }) => {
    const body = { model: "m", messages: [{ role: "user", content: `[[rehearse:${scenario}]]` }] };
    const answer = await post("/v1/messages", JSON.stringify(body));
    expect(answer.statusCode).toBe(status);
    expect(answer.headers["retry-after"]).toBe(retryAfter);
    expect(((await answer.body.json()) as Message).error?.type).toBe(type);
  });

  it("gets the scenario that is set for a text in its prompt, until it is taken away", async () => {
    model.scenarios.set("Sort", "http-529");
    expect((await ask(docs("[[rehearse:http-401]]"))).status).toBe(529);
    model.scenarios.delete("Sort");
    expect((await ask(docs("[[rehearse:http-401]]"))).status).toBe(401);
  });

  it("for an unknown scenario is refused with the names of those there are", async () => {
    const { status, message } = await ask(docs("[[rehearse:typo]]"));
    expect(status).toBe(400);
    for (const scenario of scenarios) expect(message.error?.message).toContain(scenario);
  });

  it("without a task is answered by a text that says so", async () => {
    const { message } = await ask(undefined);
    expect(message.content).toEqual([{ type: "text", text: expect.stringContaining("no task") as string }]);
  });

  it("without a key, or with another than the one that is known, is refused", async () => {
    const body = JSON.stringify({ model: "m", messages: [] });
    expect((await post("/v1/messages", body, {})).statusCode).toBe(401);
    await model.close();
    model = await startRehearsalModel({ apiKey: "right" });
    expect((await post("/v1/messages", body, { "x-api-key": "wrong" })).statusCode).toBe(401);
    expect((await post("/v1/messages", body, { "x-api-key": "right" })).statusCode).toBe(200);
    expect((await post("/v1/messages", body, { authorization: "Bearer right" })).statusCode).toBe(200);
  });

  it("that is no JSON, or goes elsewhere, is refused", async () => {
    expect((await post("/v1/messages", "{")).statusCode).toBe(400);
    expect((await post("/v1/complete", "{}")).statusCode).toBe(404);
  });

  it("for the number of tokens is answered", async () => {
    const answer = await post("/v1/messages/count_tokens", "x".repeat(40));
    expect(await answer.body.json()).toEqual({ input_tokens: 10 });
  });

  it("of cut-mid-stream gets half an answer", async () => {
    const prompt = formatTaskBlock(docs("[[rehearse:cut-mid-stream]]"));
    const body = { model: "m", stream: true, messages: [{ role: "user", content: prompt }] };
    const answer = await post("/v1/messages", JSON.stringify(body));
    let seen = "";
    const reading = (async () => {
      for await (const chunk of answer.body) seen += String(chunk);
    })();
    await expect(reading).rejects.toThrow("other side closed");
    expect(seen).toContain("message_start");
    expect(seen).not.toContain("message_stop");
  });

  it("of hang is never answered", async () => {
    const stop = new AbortController();
    const body = JSON.stringify({ model: "m", messages: [{ role: "user", content: "[[rehearse:hang]]" }] });
    const asked = request(`${model.url}/v1/messages`, {
      method: "POST",
      body,
      headers: { "x-api-key": "any" },
      signal: stop.signal,
    });
    await expect.poll(() => model.requests().total).toBe(1);
    expect((await ask(docs())).status).toBe(200);
    stop.abort();
    await expect(asked).rejects.toThrow("aborted");
  });
});

describe("an answer", () => {
  it("is the same, with the same usage, each time", async () => {
    const [first, second] = [await ask(docs()), await ask(docs())];
    expect(first).toEqual(second);
    expect(first.message.usage).toMatchObject({ input_tokens: 12, cache_read_input_tokens: 0 });
  });

  it("comes from the model that an alias stands for", async () => {
    expect((await ask(docs())).message.model).toBe("claude-opus-5-5");
  });

  it("can be streamed, and says the same then", async () => {
    const prompt = formatTaskBlock(docs());
    const calls = {
      role: "assistant",
      content: [{ type: "tool_use", id: "t", name: "Glob", input: { pattern: "*" } }],
    };
    const turns = [{ role: "user", content: prompt }, calls];
    const answers = await Promise.all(
      [true, false].map((stream) =>
        post("/v1/messages", JSON.stringify({ model: "claude-x", stream, messages: turns })).then(({ body }) =>
          body.text(),
        ),
      ),
    );
    const events = (answers[0] ?? "").split("\n").flatMap((line) => {
      return line.startsWith("data: ") ? [JSON.parse(line.slice(6)) as Record<string, never>] : [];
    });
    const whole = JSON.parse(answers[1] ?? "") as Message;
    const parts = events.flatMap(({ delta }) => (delta as { partial_json?: string } | undefined)?.partial_json ?? []);
    const inputs = whole.content.flatMap(({ input }) => (input === undefined ? [] : JSON.stringify(input)));
    expect(parts.join("")).toBe(inputs.join(""));
    expect(parts.length).toBeGreaterThan(inputs.length);
    expect(events.at(-2)).toMatchObject({ usage: { output_tokens: whole.usage["output_tokens"] } });
    expect(events[0]).toMatchObject({ message: { content: [], stop_reason: null, model: "claude-x" } });
  });
});

describe("requests are counted", () => {
  it("all together and by task", async () => {
    await ask(docs());
    await ask(docs());
    await ask(undefined);
    expect(model.requests()).toEqual({ total: 3, byTask: { Sort: 2 } });
    expect(await (await request(`${model.url}/control/requests`)).body.json()).toEqual(model.requests());
  });
});

describe("a hold", () => {
  const held = async (text: string) => (await (await post("/control/held", text)).body.json()) as { held: number };

  it("keeps the requests that it names waiting until it is released, and no others", async () => {
    await post("/control/hold", "Sort");
    let answered = false;
    const waiting = ask(docs()).then((answer) => {
      answered = true;
      return answer;
    });
    await expect.poll(() => held("Sort")).toEqual({ held: 1 });
    expect((await ask(undefined)).status).toBe(200);
    expect(answered).toBe(false);
    await post("/control/release", "Sort");
    expect((await waiting).status).toBe(200);
    expect(await held("Sort")).toEqual({ held: 0 });
    expect((await ask(docs())).status).toBe(200);
  });

  it("waits only from the tool call on that is asked for", async () => {
    model.holds.hold("Sort", { afterCalls: 1 });
    const { message } = await ask(docs());
    let answered = false;
    const turns = [
      { role: "assistant", content: message.content },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "1", content: "ok" }] },
    ];
    const waiting = ask(docs(), turns).finally(() => {
      answered = true;
    });
    await expect.poll(() => model.holds.held("Sort")).toBe(1);
    expect(answered).toBe(false);
    model.holds.release("Sort");
    expect((await waiting).status).toBe(200);
  });

  it("forgets a request that has gone away", async () => {
    model.holds.hold("Sort");
    model.holds.hold("Sort");
    const stop = new AbortController();
    const body = JSON.stringify({ model: "m", messages: [{ role: "user", content: formatTaskBlock(docs()) }] });
    const headers = { "x-api-key": "any" };
    const asked = request(`${model.url}/v1/messages`, { method: "POST", body, headers, signal: stop.signal });
    await expect.poll(() => model.holds.held("Sort")).toBe(1);
    stop.abort();
    await expect(asked).rejects.toThrow("aborted");
    await expect.poll(() => model.holds.held("Sort")).toBe(0);
    model.holds.release("Sort");
    model.holds.release("never held");
  });
});

describe("over TLS", () => {
  it("the model answers with the certificate that it is given", async () => {
    const directory = await mkdtemp(join(tmpdir(), "rehearsal-"));
    const certificates = await ensureCertificates(join(directory, "certificates"), new Date());
    const { server, caFile } = certificates;
    const tls = { key: await readFile(server.keyFile, "utf8"), cert: await readFile(server.certFile, "utf8") };
    const secure = await startRehearsalModel({ tls });
    const dispatcher = new Agent({ connect: { ca: await readFile(caFile, "utf8") } });
    expect(secure.url).toMatch(/^https:/);
    expect((await request(`${secure.url}/control/requests`, { dispatcher })).statusCode).toBe(200);
    await dispatcher.close();
    await secure.close();
    await rm(directory, { recursive: true });
  });
});
