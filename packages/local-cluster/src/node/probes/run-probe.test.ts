import { expect, test } from "vitest";
import { runProbe } from "./run-probe.ts";

test.each([
  ["its words", { exitCode: 2, output: "not yet\n" }, "not yet"],
  ["its exit code when it says nothing", { exitCode: 1, output: "" }, "command ended with 1"],
])("a command that fails tells %s", async (_, ended, output) => {
  const sandbox = { run: () => Promise.resolve({ outcome: "exited" as const, ...ended }) };
  const { signal } = new AbortController();
  const probe = { exec: { command: ["test", "-f", "/x"] } };
  expect(await runProbe(probe, { container: { name: "c", image: "i" }, sandbox, signal })).toEqual({
    succeeded: false,
    output,
  });
});
