import { expect, test } from "vitest";
import { findSecrets } from "./find-secrets.ts";

function patch(...lines: string[]): string {
  const head = ["diff --git a/a.ts b/a.ts", "--- a/a.ts", "+++ b/a.ts"];
  return [...head, `@@ -0,0 +1,${lines.length} @@`, ...lines.map((line) => `+${line}`), ""].join("\n");
}

// Put together here, so that this file itself holds none.
const secrets: [string, string][] = [
  [`-----BEGIN ${"RSA "}PRIVATE KEY-----`, "a private key"],
  [`-----BEGIN ${"PGP "}PRIVATE KEY BLOCK-----`, "a private key"],
  [`token: ghp_${"a1".repeat(18)}`, "a GitHub token"],
  [`github_pat_${"a1_".repeat(10)}`, "a GitHub token"],
  [`glpat-${"a1-_".repeat(5)}`, "a GitLab token"],
  [`key=sk-ant-${"api03-x".repeat(4)}`, "an Anthropic key"],
  [`sk-proj-${"a1".repeat(20)}`, "an OpenAI key"],
  [`xoxb-${"1234567890"}`, "a Slack token"],
  [`AIza${"a".repeat(35)}`, "a Google API key"],
  [`sk_live_${"a1".repeat(12)}`, "a Stripe key"],
  [`npm_${"a1".repeat(18)}`, "an npm token"],
  [`AKIA${"A1".repeat(8)}`, "an AWS access key"],
];

test.each(secrets)("%s is found", (line, kind) => {
  expect(findSecrets(patch("first", line), ["a.ts"], [])).toEqual([{ path: "a.ts", line: 2, kind }]);
});

test.each([
  "-----BEGIN PUBLIC KEY-----",
  "-----BEGIN CERTIFICATE-----",
  "AKIAIOSFODNN7EXAMPLE",
  "const ghp_token = read();",
  "the model is sk-learn-based",
])("%s is no secret", (line) => {
  expect(findSecrets(patch(line), ["a.ts"], [])).toEqual([]);
});

test("a credential of the run is found whatever its shape", () => {
  expect(findSecrets(patch("password = hunter2"), ["a.ts"], ["hunter2"])).toEqual([
    { path: "a.ts", line: 1, kind: "a credential of this run" },
  ]);
});

test("each finding has its file and its line, and removed lines and file names are none", () => {
  const key = `AKIA${"A1".repeat(8)}`;
  const text = [
    `diff --git a/${key}.txt b/${key}.txt`,
    "Binary files differ",
    "diff --git a/b.txt b/b.txt",
    "--- a/b.txt",
    `+++ b/${key}`,
    "@@ -3 +3,0 @@",
    `-${key}`,
    "@@ -10,0 +12,2 @@ context",
    "+plain",
    `+++ ${key}`,
  ].join("\n");
  expect(findSecrets(text, ["binary.txt", "b.txt"], [])).toEqual([
    { path: "b.txt", line: 13, kind: "an AWS access key" },
  ]);
});
