import type { Verdict } from "@orchestrator/core/pure";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { prepare } from "../prepare/prepare.ts";
import { Repository } from "../steps/repository.ts";
import { leaveVerdict, readStepFile, stepFiles, type Verification, writeStepFile } from "../steps/step-files.ts";
import {
  backlog,
  docsInputs,
  documentsOf,
  implementationInputs,
  startStepLab,
  type StepLab,
  type StepLabOptions,
} from "../steps/step-lab.ts";
import { deliver } from "./deliver.ts";

const branch = "orchestrator/docs/nightly";
const incomplete: Verdict = { reason: "IncompleteDocs", message: "m" };

async function prepared(
  options: Partial<StepLabOptions> & Pick<StepLabOptions, "inputs">,
  { verification, verdict }: { verification?: Verification; verdict?: Verdict } = {},
): Promise<StepLab> {
  const lab = await startStepLab({ files: backlog(1, 2), ...options });
  expect(await prepare(lab.options())).toBe(0);
  if (verification !== undefined) await writeStepFile(lab.paths, stepFiles.verification, verification);
  if (verdict !== undefined) await leaveVerdict(lab.paths, verdict);
  return lab;
}

const treeOf = (lab: StepLab): Repository => new Repository({ ...lab.options(), directory: lab.paths.repository });
const changes = (lab: StepLab): Promise<string> =>
  lab.inGateway("diff", "--no-renames", "--name-status", "main", branch);

describe("the delivery of documents", () => {
  it("holds those of complete tasks alone, whatever else has changed or is ignored", async () => {
    const verification = { complete: [1], failed: [{ taskId: 2, verdict: incomplete }] };
    const files = { ...backlog(1, 2), ...documentsOf(1, "mdx"), ".gitignore": ".taskmaster/docs/\n" };
    await using lab = await prepared({ inputs: docsInputs(), files }, { verification, verdict: incomplete });
    await lab.write({ ...documentsOf(1), ...documentsOf(2), "README.md": "changed\n" });
    await treeOf(lab).git(["commit", "--quiet", "--all", "--message=By the agent"]);
    expect(await deliver(lab.options())).toBe(0);
    const names = ["acceptance-criteria", "prompt", "task"].flatMap((name) => [
      `A\t.taskmaster/docs/task-1/${name}.md`,
      `D\t.taskmaster/docs/task-1/${name}.mdx`,
    ]);
    expect((await changes(lab)).split("\n")).toEqual(names.toSorted((a, b) => a.slice(2).localeCompare(b.slice(2))));
    expect(
      await lab.inGateway("log", "--format=%an|%(trailers:key=Orchestrator-Run,valueonly)", `main..${branch}`),
    ).toBe(`docs-generation|${docsInputs().uid}`);
    expect(lab.deliveries).toMatchObject([{ title: "Write documents for task 1" }]);
  });

  it("is asked for where nothing is complete but the lack of documents, so that tasks are counted", async () => {
    const verification = { complete: [], failed: [{ taskId: 1, verdict: incomplete }] };
    const delivery = { delivery: { outcome: "IncompleteDocs" } };
    await using lab = await prepared({ inputs: docsInputs(), delivery }, { verification, verdict: incomplete });
    expect(await deliver(lab.options())).toBe(1);
    expect(lab.deliveries).toHaveLength(1);
    expect(lab.progress().at(-1)).toMatchObject({ step: "deliver", message: "IncompleteDocs" });
    expect(await changes(lab)).toBe("");
  });

  it("is not asked for where something else has gone wrong before anything was complete", async () => {
    const verdict: Verdict = { reason: "AgentMissing", message: "m" };
    const verification = { complete: [], failed: [{ taskId: 1, verdict }] };
    await using lab = await prepared({ inputs: docsInputs() }, { verification, verdict });
    expect(await deliver(lab.options())).toBe(1);
    await using unverified = await prepared({ inputs: docsInputs() });
    expect(await deliver(unverified.options())).toBe(1);
    expect([...lab.deliveries, ...unverified.deliveries]).toEqual([]);
  });

  it("is asked for where everything was up to date", async () => {
    const delivery = { delivery: { outcome: "UpToDate" } };
    const verification = { complete: [], failed: [] };
    await using lab = await prepared({ inputs: docsInputs(), delivery }, { verification });
    expect(await deliver(lab.options())).toBe(0);
  });
});

describe("the delivery of an implementation", () => {
  const verification = { complete: [1], failed: [] };

  it("is one commit of all that has changed, commits of the agent included, and no hook hinders it", async () => {
    await using lab = await prepared({ inputs: implementationInputs() }, { verification });
    await lab.write({ "src/a.txt": "a\n" });
    const tree = treeOf(lab);
    await tree.git(["switch", "--quiet", "--create", "a-branch-of-the-agents-own"]);
    await tree.git(["add", "--all"]);
    await tree.git(["commit", "--quiet", "--message=By the agent"]);
    await lab.write({ "src/b.txt": "b\n" });
    const hooks = join(lab.paths.repository, ".git/hooks");
    await mkdir(hooks, { recursive: true });
    for (const name of ["pre-commit", "pre-push"]) {
      await writeFile(join(hooks, name), "#!/bin/sh\nexit 1\n");
      await chmod(join(hooks, name), 0o755);
    }
    expect(await deliver(lab.options())).toBe(0);
    expect(await changes(lab)).toBe("A\tsrc/a.txt\nA\tsrc/b.txt");
    expect(
      await lab.inGateway("log", "--format=%an|%s|%(trailers:key=Orchestrator-Run,valueonly)", `main..${branch}`),
    ).toBe(`rex|Implement task 1: Task 1|${implementationInputs().uid}`);
    expect(lab.progress().at(-1)).toMatchObject({ message: "Delivered" });
  });

  it("may be asked for again", async () => {
    const url = "https://forge.example.test/team/shop/pull/1";
    const result = { branch, pullRequest: { number: 1, url } };
    const delivery = { delivery: { outcome: "Delivered", result } };
    await using lab = await prepared({ inputs: implementationInputs(), delivery }, { verification });
    await lab.write({ "a.txt": "a\n" });
    expect(await deliver(lab.options())).toBe(0);
    const first = await lab.inGateway("rev-parse", branch);
    await writeFile(join(lab.paths.repository, ".git/HEAD"), `${first}\n`);
    // Git would date another commit anew, so that it could not be pushed.
    const made = Number(await lab.inGateway("log", "-1", "--format=%ct", branch));
    await expect.poll(() => Math.floor(Date.now() / 1000)).toBeGreaterThan(made);
    expect(await deliver(lab.options())).toBe(0);
    expect(await lab.inGateway("rev-parse", branch)).toBe(first);
    expect(lab.progress().at(-1)).toMatchObject({ message: `Delivered: ${url}` });
  });

  it("is made whatever state the agent has left its index in", async () => {
    const files = { ...backlog(1, 2), "README.md": "# Shop\n" };
    await using lab = await prepared({ inputs: implementationInputs(), files }, { verification });
    const tree = treeOf(lab);
    await lab.write({ "README.md": "stashed\n" });
    await tree.git(["stash", "--quiet"]);
    await lab.write({ "README.md": "committed\n" });
    await tree.git(["commit", "--quiet", "--all", "--message=By the agent"]);
    await expect(tree.git(["stash", "pop", "--quiet"])).rejects.toThrow("git failed");
    expect(await tree.git(["ls-files", "--unmerged"])).not.toBe("");
    await lab.write({ "README.md": "resolved\n" });
    await writeFile(join(lab.paths.repository, ".git/index.lock"), "");
    expect(await deliver(lab.options())).toBe(0);
    expect(await lab.inGateway("show", `${branch}:README.md`)).toBe("resolved");
  });

  it("keeps what the agent has added against the repository's ignore rules, and needs no index of its own", async () => {
    const files = { ...backlog(1, 2), ".gitignore": "*.log\n", "known.log": "known\n" };
    for (const index of ["kept", "removed"]) {
      await using lab = await prepared({ inputs: implementationInputs(), files }, { verification });
      await lab.write({ "added.log": "added\n", "other.log": "other\n" });
      await treeOf(lab).git(["add", "--force", "added.log"]);
      await lab.write({ "a.txt": "a\n" });
      if (index === "removed") await rm(join(lab.paths.repository, ".git/index"));
      expect(await deliver(lab.options())).toBe(0);
      expect(await changes(lab)).toBe(index === "kept" ? "A\ta.txt\nA\tadded.log" : "A\ta.txt");
    }
  });

  it("says in Git's words why there is nothing to deliver", async () => {
    await using lab = await prepared({ inputs: implementationInputs() }, { verification });
    await lab.write({ "a.txt": "a\n" });
    await writeFile(join(lab.paths.repository, ".git/index"), "no index");
    expect(await deliver(lab.options())).toBe(1);
    await expect(readStepFile(lab.paths, stepFiles.verdict)).resolves.toEqual({
      reason: "AgentError",
      message: expect.stringMatching(/^The work could not be committed: git add failed: .*index file/) as string,
    });
    expect(lab.deliveries).toEqual([]);
  });

  it("leaves it to the gateway to tell why it delivers nothing", async () => {
    const verdict = { reason: "PushRejected", message: "m" };
    await using lab = await prepared({ inputs: implementationInputs(), delivery: { verdict } }, { verification });
    await lab.write({ "a.txt": "a\n" });
    expect(await deliver(lab.options())).toBe(1);
    await expect(readStepFile(lab.paths, stepFiles.verdict)).resolves.toBeUndefined();
    await expect(readStepFile(lab.paths, stepFiles.delivery)).resolves.toEqual({ verdict });
    expect(lab.progress().at(-1)).toMatchObject({ message: "PushRejected: m" });
  });

  it("fails where the gateway does not take the push", async () => {
    await using lab = await prepared({ inputs: implementationInputs() }, { verification });
    await lab.write({ "a.txt": "a\n" });
    await lab.inGateway("config", "http.receivepack", "false");
    expect(await deliver(lab.options())).toBe(1);
    await expect(readStepFile(lab.paths, stepFiles.verdict)).resolves.toMatchObject({ reason: "PushRejected" });
    expect(lab.deliveries).toEqual([]);
  });
});
