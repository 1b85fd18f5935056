import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { loadAttemptSettings } from "./attempt-settings.ts";
import { readOperatorSettings } from "./operator-settings.ts";

async function load(variable: string, content: string | undefined) {
  const directory = await mkdtemp(join(tmpdir(), "attempt-settings-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, "file");
  if (content !== undefined) await writeFile(path, content);
  return await loadAttemptSettings(readOperatorSettings({ AGENT_IMAGE: "agent:1", [variable]: path }));
}

const pem = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n";

test("the files that settings name are read", async () => {
  expect((await load("CA_BUNDLE", pem)).caBundle).toBe(pem);
  const template = "spec:\n  nodeSelector: {pool: agents}\n";
  expect((await load("POD_TEMPLATE", template)).podTemplate).toEqual({ spec: { nodeSelector: { pool: "agents" } } });
  expect((await load("POD_TEMPLATE", "# nothing yet\n")).podTemplate).toEqual({});
});

test.each([
  ["CA_BUNDLE", undefined, /^CA_BUNDLE of the environment must name a file that can be read, and .* cannot: ENOENT/],
  ["CA_BUNDLE", "not PEM", /^CA_BUNDLE of the environment must name a file with PEM certificates/],
  ["POD_TEMPLATE", "spec: [", /^POD_TEMPLATE of the environment must name a pod template, and .* is none: /],
  ["POD_TEMPLATE", "just words", /is none: it: /],
  ["POD_TEMPLATE", "spec:\n  hostNetwork: true\n", /is none: spec: .*hostNetwork/],
  [
    "POD_TEMPLATE",
    "spec:\n  containers: [{name: agent, securityContext: {privileged: true}}]\n",
    /is none: spec\.containers\.0: .*securityContext/,
  ],
])("%s with %j is refused with what is wrong", async (variable, content, message) => {
  await expect(load(variable, content)).rejects.toThrow(message);
});
