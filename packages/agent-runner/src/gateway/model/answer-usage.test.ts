import fc from "fast-check";
import { expect, test } from "vitest";
import { StreamUsage, usageOfMessage } from "./answer-usage.ts";

const stream = [
  {
    type: "message_start",
    message: { model: "m", usage: { input_tokens: 7, output_tokens: 1, cache_read_input_tokens: null } },
  },
  { type: "content_block_delta", delta: { text: 'she said "message_stop" — 漢字' } },
  {
    type: "message_delta",
    delta: { stop_reason: "end_turn" },
    usage: { output_tokens: 30, cache_creation_input_tokens: 5 },
  },
  { type: "message_stop" },
]
  .map((event) => `event: ${event.type}\r\ndata: ${JSON.stringify(event)}\r\n\r\n`)
  .join("");
const whole = {
  model: "m",
  complete: true,
  inputTokens: 7,
  outputTokens: 30,
  cacheReadTokens: 0,
  cacheCreationTokens: 5,
};

test("a stream is counted the same wherever the network cuts it", () => {
  const bytes = new TextEncoder().encode(stream);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: bytes.length })), (cuts) => {
      const usage = new StreamUsage();
      let from = 0;
      for (const to of [...cuts.toSorted((a, b) => a - b), bytes.length]) {
        usage.push(bytes.subarray(from, to));
        from = to;
      }
      expect(usage.usage).toEqual(whole);
    }),
  );
});

test("a stream that breaks off counts what it has told, and of what it has written a token for every three characters", () => {
  const pieces = ["text", "thinking", "partial_json"].map(
    (name) => `data: ${JSON.stringify({ type: "content_block_delta", delta: { [name]: "x".repeat(100) } })}\n`,
  );
  const usage = new StreamUsage();
  usage.push(new TextEncoder().encode(stream.slice(0, stream.indexOf("event: content_block_delta"))));
  expect(usage.usage).toMatchObject({ complete: false, inputTokens: 7, outputTokens: 1 });
  usage.push(new TextEncoder().encode(pieces.join("")));
  expect(usage.usage).toMatchObject({ complete: false, inputTokens: 7, outputTokens: 100 });
});

test("lines of another shape are passed over", () => {
  const usage = new StreamUsage();
  usage.push(new TextEncoder().encode('data: {"message_start"\ndata: {"type":"message_start"}\n: "error"\n'));
  expect(usage.usage).toMatchObject({ complete: false, inputTokens: 0 });
});

test("an answer that is no message has no usage", () => {
  expect(usageOfMessage("<html>")).toBeUndefined();
  expect(usageOfMessage('{"input_tokens":3}')).toBeUndefined();
});
