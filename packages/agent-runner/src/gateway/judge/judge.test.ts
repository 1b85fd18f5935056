import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { Git } from "../git/git.ts";
import { Mirror, mirrorServerEnvironment } from "../mirror/mirror.ts";
import { secretsInCommits } from "./judge.ts";

const { signal } = new AbortController();
const branch = "orchestrator/task/one";
const secret = "the-secret-of-the-run";
const large = "x".repeat(10 * 1024 * 1024 + 1);
const env = {
  ...mirrorServerEnvironment(branch, process.env["PATH"] ?? ""),
  GIT_AUTHOR_NAME: "Rex",
  GIT_AUTHOR_EMAIL: "rex@example.test",
  GIT_COMMITTER_NAME: "Rex",
  GIT_COMMITTER_EMAIL: "rex@example.test",
};

/** A run's branch whose pull request has been brought up to date with `main` upstream, before its next round began. */
async function startRound({ onMain, inMerge }: Record<"onMain" | "inMerge", Record<string, string>>) {
  const root = await mkdtemp(join(tmpdir(), "judge-"));
  const work = join(root, "work");
  const git = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)("git", ["-C", work, ...args], { env })).stdout.trim();
  const commit = async (files: Record<string, string>): Promise<void> => {
    for (const [path, content] of Object.entries(files)) await writeFile(join(work, path), content);
    await git("add", "--all");
    await git("commit", "--quiet", "--message=Work");
  };
  await promisify(execFile)("git", ["init", "--quiet", "--initial-branch=main", work], { env });
  await commit({ "shared.txt": "1\n2\n3\n4\n5\n6\n7\n8\n9\n" });
  await git("switch", "--quiet", "--create", branch);
  await commit({ "shared.txt": "1\n2\n3\n4\n5\n6\n7\n8\n9\nof the run\n" });
  await git("switch", "--quiet", "main");
  await commit(onMain);
  await git("switch", "--quiet", branch);
  await git("merge", "--quiet", "--no-commit", "main");
  await commit(inMerge);
  const repository = { url: work, branch: "main", provider: "None" } as const;
  // The mirror tries a push, which a branch that is checked out would not take.
  await git("switch", "--quiet", "--detach");
  const mirror = new Mirror({
    directory: root,
    inputs: { repository, branch, uid: "uid" },
    git: new Git({ env: { ...env, GIT_TERMINAL_PROMPT: "0" } }),
  });
  const baseCommit = await mirror.prepare(signal);
  const head = await git("rev-parse", branch);
  return {
    secrets: async () => await secretsInCommits({ mirror, baseCommit, commit: head, secrets: [secret] }, signal),
    [Symbol.asyncDispose]: async () => await rm(root, { recursive: true, force: true }),
  };
}

test("what a merge brings from upstream's own branch is not the run's", async () => {
  const onMain = {
    "config.txt": `${secret}\n`,
    "large.bin": large,
    "shared.txt": `${secret}\n1\n2\n3\n4\n5\n6\n7\n8\n9\n`,
  };
  await using round = await startRound({ onMain, inMerge: {} });
  expect(await round.secrets()).toEqual([]);
});

test("a secret that the merge itself brings is found", async () => {
  const inMerge = { "shared.txt": `0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n${secret}\n`, "new.txt": `${secret}\n` };
  await using round = await startRound({ onMain: { "a.txt": "a\n" }, inMerge });
  expect(await round.secrets()).toMatchObject([
    { path: "new.txt", line: 1 },
    { path: "shared.txt", line: 11 },
  ]);
});

test("a large file that the merge itself brings is refused", async () => {
  await using round = await startRound({ onMain: { "a.txt": "a\n" }, inMerge: { "large.bin": large } });
  await expect(round.secrets()).rejects.toThrow("large.bin has 10485761 bytes");
});
