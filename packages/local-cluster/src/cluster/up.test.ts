import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { checkSandboxes } from "./sandbox-check.ts";
import { bringUp } from "./up.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "up-"));
  await mkdir(join(folder, "bin"));
  return () => rm(folder, { recursive: true });
});

const signal = new AbortController().signal;

test("a machine that forbids user namespaces is told the cure in one line, before anything is made", async () => {
  const unshare = join(folder, "bin", "unshare");
  await writeFile(unshare, "#!/bin/sh\necho 'unshare: unshare failed: Operation not permitted' >&2; exit 1\n");
  await chmod(unshare, 0o755);
  const directory = join(folder, "cluster");
  const error = await bringUp({ directory, env: { PATH: join(folder, "bin") }, signal, log: () => {} }).then(
    () => undefined,
    String,
  );
  expect(error).toContain("kernel.unprivileged_userns_clone");
  expect(error).toContain("kernel.apparmor_restrict_unprivileged_userns");
  expect(error).toContain("unshare failed: Operation not permitted");
  expect(error).not.toContain("\n");
  expect(await readdir(folder)).toEqual(["bin"]);
});

test("a machine without util-linux is told so", async () => {
  const checked = checkSandboxes({ env: { PATH: join(folder, "bin") }, signal });
  await expect(checked).rejects.toThrow("there is no unshare on the PATH");
});

test("a machine that allows them passes", async () => {
  await expect(checkSandboxes({ env: process.env, signal })).resolves.toBeUndefined();
});
