import { expect, test } from "vitest";
import { GitFailed } from "./git.ts";
import { remoteFailure } from "./remote-failure.ts";

const request = { url: "https://git.example.test/acme/shop.git", branch: "main", secretName: "forge" };

function verdictOf(stderr: string, secretName: string | undefined = "forge") {
  return remoteFailure(new GitFailed("clone", 128, stderr), { ...request, secretName }).verdict;
}

test.each([
  ["fatal: Remote branch main not found in upstream origin", "BranchNotFound"],
  ["fatal: couldn't find remote ref refs/heads/main", "BranchNotFound"],
  ["remote: Invalid username or token.\nfatal: Authentication failed for 'https://x/'", "RepositoryAuthFailed"],
  ["fatal: could not read Username for 'https://x': terminal prompts disabled", "RepositoryAuthFailed"],
  [
    "remote: Permission to acme/shop.git denied to bot.\nfatal: unable to access 'https://x/': The requested URL returned error: 403",
    "RepositoryAuthFailed",
  ],
  ["remote: Repository not found.\nfatal: repository 'https://x/' not found", "RepositoryAuthFailed"],
  ["fatal: unable to access 'https://x/': Could not resolve host: x", "RepositoryUnreachable"],
  [
    "fatal: unable to access 'https://x/': Failed to connect to x port 443: Connection refused",
    "RepositoryUnreachable",
  ],
  ["fatal: unable to access 'https://x/': The requested URL returned error: 503", "RepositoryUnreachable"],
  [
    "fatal: unable to access 'https://x/': Operation too slow. Less than 1 bytes/sec transferred",
    "RepositoryUnreachable",
  ],
])("%s is %s", (stderr, reason) => {
  expect(verdictOf(stderr).reason).toBe(reason);
});

test("an authority that is not trusted is told with its cure", () => {
  const { reason, message } = verdictOf(
    "fatal: unable to access 'https://x/': server certificate verification failed.",
  );
  expect(reason).toBe("RepositoryUnreachable");
  expect(message).toContain("CA_BUNDLE");
});

test("the cure fits whether or not the run has a Secret", () => {
  const denied = "fatal: Authentication failed for 'https://x/'";
  expect(verdictOf(denied).message).toContain("refused the token in Secret forge: ");
  const without = remoteFailure(new GitFailed("clone", 128, denied), { ...request, secretName: undefined });
  expect(without.verdict.message).toContain(
    "refused callers without credentials (spec.repository.secretRef is not set): ",
  );
});

test("only Git's telling lines are quoted, in bounded length", () => {
  const stderr = `Cloning into bare repository 'mirror'...\nremote: upstream is sick\nfatal: ${"x".repeat(2000)}\n`;
  const { message } = verdictOf(stderr);
  expect(message).toContain("remote: upstream is sick; fatal: xxx");
  expect(message).not.toContain("Cloning");
  expect(message.length).toBeLessThan(600);
});
