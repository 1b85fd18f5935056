import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { KubernetesClient } from "@orchestrator/controller-runtime";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { adminClient, kubectl } from "../support/cluster.ts";
import { createNamespace, type TestNamespace } from "../support/namespace.ts";

const samples = fileURLToPath(new URL("../../deploy/samples/", import.meta.url));
const yamlFiles = (folder: string): string[] => readdirSync(folder).filter((name) => name.endsWith(".yaml"));
const legal = yamlFiles(samples);
const illegal = yamlFiles(`${samples}illegal`);

let client: KubernetesClient;
let namespace: TestNamespace;

beforeAll(async () => {
  client = await adminClient();
  namespace = await createNamespace(client, "samples");
});

afterAll(async () => {
  await namespace.delete();
  await client.close();
});

const apply = (file: string): ReturnType<typeof kubectl> =>
  kubectl(["apply", "--namespace", namespace.name, "-f", `${samples}${file}`]);

/** What a user reads; a word of each cure. */
const cures: Record<string, string> = {
  "api-url-http.yaml": "must be an https URL",
  "backoff-above-max.yaml": "lower initial, or raise max",
  "branch-dash.yaml": "must be a branch name that Git accepts: not beginning with -",
  "branch-dots.yaml": "must be a branch name that Git accepts",
  "budget-empty.yaml": "give maxCostUsd or maxTurns or both, or remove budget",
  "budget-number.yaml": "must be of type string",
  "budget-zero.yaml": 'above 0, in quotes, such as "2.50"',
  "file-above.yaml": "relative path that ends with .md and has no ./ or ../",
  "file-empty.yaml": "say what the agent is to know, or leave the file out",
  "file-not-markdown.yaml": "ends with .md",
  "file-twice.yaml": 'Duplicate value: {"filename":"notes.md"}',
  "follow-up-first-round.yaml": "raise contextVersion in the same edit, or say it in a markdownFile",
  "model-dash.yaml": "an alias such as opus or sonnet, or a full model id",
  "model-empty.yaml": "an alias such as opus or sonnet, or a full model id",
  "output-format-spelling.yaml": 'supported values: "Markdown", "MDX", "AsciiDoc"',
  "pod-environment-reserved.yaml": "the model is chosen by spec.model and its key by spec.modelSecretRef",
  "provider-missing.yaml": "GitHub for a GitHub Enterprise server, or None",
  "repository-and-workspace-missing.yaml": "name a repository, or give workspace.size",
  "restriction-comma.yaml": "write each restriction as an item of its own",
  "retention-days.yaml": "must be a duration of 1s to 8760h, written with h, m, s or ms",
  "retries-negative.yaml": "should be greater than or equal to 0",
  "target-task-zero.yaml": "should be greater than or equal to 1",
  "target-tasks-empty.yaml": "remove targetTasks to ask for every task that is still open",
  "target-tasks-twice.yaml": "Duplicate value: 3",
  "task-file-missing.yaml": "give a file of fileType task, or name a repository",
  "task-text.yaml": "must be of type integer",
  "task-zero.yaml": "should be greater than or equal to 1",
  "timeout-past-deadline.yaml": "raise deadline, or lower timeout",
  "timeout-unit.yaml": "written with h, m, s or ms, such as 90s, 30m or 1h30m",
  "tool-comma.yaml": "another tool into an item of its own",
  "tool-config.yaml": "needs a name that begins with mcp__",
  "tool-parentheses.yaml": "what a tool is restricted to goes into restrictions",
  "unknown-field.yaml": 'unknown field "spec.dryRun"',
  "url-credentials.yaml": "put the token into a Secret and name it in repository.secretRef",
  "url-dash.yaml": "must be an https URL",
  "url-ext.yaml": "must be an https URL",
  "url-file.yaml": "must be an https URL",
  "url-scp-like.yaml": "use https with a token in a Secret",
  "url-ssh.yaml": "use https with a token in a Secret",
  "verify-empty.yaml": "must be a command such as npm test",
  "working-directory-above.yaml": "must be a folder inside the repository",
  "working-directory-absolute.yaml": "written from its root without a leading or trailing /",
  "working-directory-through-above.yaml": "must be a folder inside the repository",
  "workspace-size.yaml": "must be an amount of storage such as 10Gi",
};

describe("deploy/samples", () => {
  it.each(legal)("%s is accepted without a warning", async (file) => {
    const { code, stdout, stderr } = await apply(file);

    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/ created\n$/);
  });

  it.each(illegal)("illegal/%s is refused with its cure", async (file) => {
    const { code, stdout, stderr } = await apply(`illegal/${file}`);

    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(cures[file]);
  });

  it.each(illegal)("illegal/%s says what is wrong in its first line", (file) => {
    expect(readFileSync(`${samples}illegal/${file}`, "utf8")).toMatch(/^# Refused: [^\n]{10,}\n/);
  });
});
