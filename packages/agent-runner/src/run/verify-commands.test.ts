import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { runCommands, tellFailure } from "./verify-commands.ts";

async function told(command: string): Promise<string> {
  const options = { env: { PATH: process.env["PATH"] }, directory: tmpdir(), signal: AbortSignal.timeout(20_000) };
  const failure = await runCommands({ commands: ["true", command], ...options });
  return failure === undefined ? "" : tellFailure(failure);
}

test("a command that fails is told with the end of its output, however much came before", async () => {
  const message = await told("seq 1 600; echo THE-ERROR-IS-HERE; exit 3");
  expect(message).toMatch(/ended with exit code 3:\n…[\d\n]+\nTHE-ERROR-IS-HERE$/);
  expect(message.length).toBeLessThan(600);
});

const token = `printf 'gh%s_%s\\n' p 0123456789abcdefghijklmnopqrstuvwxyzAB`;

test.each([
  ["at its end", `${token}; exit 3`],
  ["long before its end", `${token}; seq 1 600; exit 3`],
])("output that looks like it holds a credential %s is not told", async (_where, command) => {
  const message = await told(command);
  expect(message).toBe(
    "A command of spec.verify ended with exit code 3; it is not told further, because it looks like it holds a GitHub token",
  );
});
