import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { Git } from "../git/git.ts";
import { Mirror, mirrorServerEnvironment } from "./mirror.ts";

const { signal } = new AbortController();
const branch = "orchestrator/task/one";
const env = {
  ...mirrorServerEnvironment(branch, process.env["PATH"] ?? ""),
  GIT_AUTHOR_NAME: "Rex",
  GIT_AUTHOR_EMAIL: "rex@example.test",
  GIT_COMMITTER_NAME: "Rex",
  GIT_COMMITTER_EMAIL: "rex@example.test",
};

/** A mirror of an upstream repository on disk, and a work tree that pushes to the mirror as an agent would. */
async function startMirror(files: Record<string, string>) {
  const root = await mkdtemp(join(tmpdir(), "mirror-"));
  const upstream = join(root, "upstream.git");
  const work = join(root, "work");
  const state = join(root, "state");
  const git = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)("git", args, { env })).stdout.trim();
  const commit = async (changed: Record<string, string>): Promise<string> => {
    for (const [path, content] of Object.entries(changed)) await writeFile(join(work, path), content);
    await git("-C", work, "add", "--all");
    await git("-C", work, "commit", "--quiet", "--message=Work");
    return await git("-C", work, "rev-parse", "HEAD");
  };
  await git("init", "--quiet", "--initial-branch=main", work);
  await commit(files);
  await git("clone", "--quiet", "--bare", work, upstream);
  await mkdir(state);
  const repository = { url: upstream, branch: "main", provider: "None" } as const;
  const mirror = new Mirror({ directory: state, inputs: { repository, branch, uid: "uid" }, git: new Git({ env }) });
  await mirror.prepare(signal);
  return {
    mirror,
    async push(changed: Record<string, string>): Promise<string> {
      const made = await commit(changed);
      await git("-C", work, "push", "--quiet", mirror.path, `HEAD:refs/heads/${branch}`);
      return made;
    },
    upstreamCommit: async () => await git("-C", upstream, "rev-parse", `refs/heads/${branch}`),
    [Symbol.asyncDispose]: async () => await rm(root, { recursive: true, force: true }),
  };
}

test("the commit that was judged goes upstream, though the agent has pushed another since", async () => {
  await using lab = await startMirror({ "readme.md": "# Shop\n" });
  const judged = await lab.push({ "a.txt": "judged\n" });
  const later = await lab.push({ "b.txt": "never looked at\n" });
  expect(await lab.mirror.branchCommit(signal)).toBe(later);
  await lab.mirror.pushUpstream(judged, signal);
  expect(await lab.upstreamCommit()).toBe(judged);
});

test("a patch shows what a file adds that Git takes for binary", async () => {
  await using lab = await startMirror({ "readme.md": "# Shop\n" });
  const commit = await lab.push({ "hidden.bin": "\0 the-added-line\n" });
  expect(await lab.mirror.patch(await lab.mirror.baseCommit(signal), commit, signal)).toContain("the-added-line");
});
