import { expect, it } from "vitest";
import { BrokenLineError, CutLineError, jsonLines } from "./json-lines.ts";

async function* chunks(...parts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield typeof part === "string" ? Buffer.from(part) : part;
}

async function read(body: AsyncIterable<Uint8Array>): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of jsonLines(body)) values.push(value);
  return values;
}

const euro = Buffer.from('"€"\n');

it.each([
  { name: "several lines in one chunk", parts: ["1\n2\n3\n"], values: [1, 2, 3] },
  { name: "a line in several chunks", parts: ['{"a"', ":", "1}", "\n2\n"], values: [{ a: 1 }, 2] },
  { name: "a chunk that ends with a line", parts: ["1\n", "2\n"], values: [1, 2] },
  { name: "a character cut in two", parts: [euro.subarray(0, 2), euro.subarray(2)], values: ["€"] },
  { name: "a last line without an end", parts: ["1\n2"], values: [1, 2] },
  { name: "nothing", parts: [], values: [] },
])("reads $name", async ({ parts, values }) => {
  expect(await read(chunks(...parts))).toEqual(values);
});

it.each([
  { name: "a line that is not JSON", parts: ["1\nno\n3\n"], error: BrokenLineError },
  { name: "an end within a line", parts: ['1\n{"a":'], error: CutLineError },
])("refuses $name", async ({ parts, error }) => {
  await expect(read(chunks(...parts))).rejects.toThrow(error);
});
