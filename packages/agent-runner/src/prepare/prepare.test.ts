import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatSource } from "../documents/source.ts";
import { Repository } from "../steps/repository.ts";
import { needStepFile, stepFiles } from "../steps/step-files.ts";
import { backlog, docsInputs, documentsOf, implementationInputs, startStepLab } from "../steps/step-lab.ts";
import { parseTasks } from "../tasks/parse-tasks.ts";
import { taskHash } from "../tasks/task-hash.ts";
import { prepare } from "./prepare.ts";

/** Documents of task 1 of `backlog`, as a run leaves them. */
function currentDocuments(): Record<string, string> {
  const bytes = new TextEncoder().encode(backlog(1)[".taskmaster/tasks/tasks.json"]);
  const [task] = parseTasks(bytes, { tag: "master", file: "tasks.json" });
  const hash = task === undefined ? "" : taskHash(task);
  const source = formatSource({ hash, format: "Markdown", run: "u" });
  return { ...documentsOf(1), ".taskmaster/docs/task-1/source.json": source };
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

describe("prepare", () => {
  it("makes the run's branch and the agent's home, and may run twice", async () => {
    await using lab = await startStepLab({ inputs: implementationInputs(), files: backlog(1) });
    expect(await prepare(lab.options())).toBe(0);
    expect(await prepare(lab.options())).toBe(0);
    const tree = new Repository({ ...lab.options(), directory: lab.paths.repository });
    expect(await tree.git(["branch", "--show-current"])).toBe("orchestrator/docs/nightly");
    expect(await tree.git(["config", "user.name"])).toBe("rex");
    const base = await lab.inGateway("rev-parse", "main");
    const plan = await needStepFile(lab.paths, stepFiles.plan);
    expect(plan).toMatchObject({ baseCommit: base, startCommit: base, sessions: [{ taskId: 1, title: "Task 1" }] });
    expect(await readFile(join(lab.paths.claudeConfig, "settings.json"), "utf8")).toBe(
      await readFile(join(lab.paths.inputs, "settings.json"), "utf8"),
    );
    // The door's token is neither in the work tree nor in what was said.
    expect(await tree.git(["config", "--list"])).not.toMatch(/the-doors-token|extraheader/i);
    expect(lab.progress()).toMatchObject([{ message: "To be done: 1" }, { message: "To be done: 1" }]);
  });

  it("goes on with the run's branch where it is there already", async () => {
    await using lab = await startStepLab({ inputs: docsInputs(), files: backlog(1) });
    const tree = await lab.inGateway("rev-parse", "main^{tree}");
    const identity = ["-c", "user.name=Seed", "-c", "user.email=seed@example.test"];
    const commit = await lab.inGateway(...identity, "commit-tree", "-p", "main", "-m", "Earlier work", tree);
    await lab.inGateway("update-ref", "refs/heads/orchestrator/docs/nightly", commit);
    expect(await prepare(lab.options())).toBe(0);
    await expect(needStepFile(lab.paths, stepFiles.plan)).resolves.toMatchObject({ startCommit: commit });
  });

  it("plans no session for documents that are up to date, unless they are to be written again", async () => {
    for (const force of [false, true]) {
      const files = { ...backlog(1, 2), ...currentDocuments() };
      await using lab = await startStepLab({ inputs: docsInputs({ force }), files });
      expect(await prepare(lab.options())).toBe(0);
      const plan = await needStepFile(lab.paths, stepFiles.plan);
      expect(plan.sessions.map(({ taskId }) => taskId)).toEqual(force ? [1, 2] : [2]);
      expect(plan.upToDate).toEqual(force ? [] : [1]);
      expect(await exists(join(lab.paths.repository, ".taskmaster/docs/task-1/task.md"))).toBe(!force);
      expect(lab.progress()).toMatchObject([
        force
          ? { message: "To be done: 1-2", tasksDone: 0, tasksTotal: 2 }
          : { message: "To be done: 2; up to date: 1", tasksDone: 1, tasksTotal: 2 },
      ]);
    }
  });

  it("takes documents of the object before those of the repository", async () => {
    const inputs = implementationInputs({
      markdownFiles: [{ filename: "notes/p.md", fileType: "prompt", key: "markdown-0.md" }],
    });
    const files = { ...backlog(1), ...documentsOf(1), ...documentsOf(1, "adoc") };
    await using lab = await startStepLab({ inputs, files, config: { "markdown-0.md": "# Given\n" } });
    expect(await prepare(lab.options())).toBe(0);
    const prompt = await readFile(join(lab.paths.steps, "prompt-1.md"), "utf8");
    expect(prompt).toContain("# Document notes/p.md (prompt)\n\n# Given");
    const paths = ["task.md", "acceptance-criteria.md", "task.adoc", "acceptance-criteria.adoc"];
    for (const path of paths) expect(prompt).toContain(`.taskmaster/docs/task-1/${path}`);
    expect(prompt).not.toMatch(/task-1\/prompt\./);
  });

  it.each([
    [
      "the gateway has no repository",
      { readiness: { state: "failed", verdict: { reason: "MissingSecret", message: "m" } } },
      "MissingSecret",
      "m",
    ],
    [
      "the backlog is missing",
      { files: {} },
      "InvalidInput",
      "There is no .taskmaster/tasks/tasks.json on branch main of",
    ],
    [
      "the backlog is damaged",
      { files: { ".taskmaster/tasks/tasks.json": "{" } },
      "InvalidInput",
      "is not valid JSON: line 1, column 2: ",
    ],
    [
      "a target task does not exist",
      { inputs: docsInputs({ targetTasks: [4] }) },
      "InvalidInput",
      "spec.targetTasks names tasks",
    ],
    [
      "its task does not exist",
      { inputs: implementationInputs({ taskId: 4 }) },
      "InvalidInput",
      "spec.taskId names tasks",
    ],
    [
      "the branch went away",
      { inputs: docsInputs({ repository: { ...docsInputs().repository, branch: "gone" } }) },
      "RepositoryUnreachable",
      "git clone from the pod's gateway failed: ",
    ],
    [
      "a file of the object is not there",
      {
        inputs: implementationInputs({ markdownFiles: [{ filename: "a.md", fileType: "task", key: "markdown-0.md" }] }),
      },
      "InvalidInput",
      "The content of markdownFile a.md is not in the run's ConfigMap.",
    ],
  ] as const)("ends the pod with its reason where %s", async (_name, options, reason, message) => {
    await using lab = await startStepLab({ inputs: docsInputs(), files: backlog(1), ...options });
    expect(await prepare(lab.options())).toBe(1);
    const told = await lab.terminationMessage();
    expect(told).toMatchObject({
      version: 1,
      verdict: { reason, message: expect.stringContaining(message) as unknown },
    });
    expect(lab.stderr()).toContain(`${reason}: `);
  });

  const tasksFile = ".taskmaster/tasks/tasks.json";
  it.each([
    [{ links: { [tasksFile]: "/etc/hostname" } }, `${tasksFile} in the repository is a symbolic link`],
    [{ links: { ".taskmaster": "elsewhere" } }, ".taskmaster in the repository is a symbolic link"],
    [{ files: { [`${tasksFile}/readme.md`]: "" } }, `${tasksFile} in the repository is a folder`],
    [
      { files: backlog(1), links: { ".taskmaster/docs": "../documents" } },
      ".taskmaster/docs in the repository is a symbolic link; it has to be a plain folder.",
    ],
    [
      { files: { ...backlog(1), ".taskmaster/docs": "" } },
      ".taskmaster/docs in the repository is a file; it has to be a plain folder.",
    ],
    [
      { files: { ...backlog(1), ".taskmaster/docs/task-1/task.md/readme.md": "" } },
      ".taskmaster/docs/task-1/task.md in the repository is a folder; it has to be a plain file.",
    ],
    [
      { files: backlog(1), links: { ".taskmaster/docs/task-1/prompt.adoc": "../../../readme.adoc" } },
      ".taskmaster/docs/task-1/prompt.adoc in the repository is a symbolic link; it has to be a plain file.",
    ],
  ])("refuses backlogs and documents that are no plain files (%j)", async (content, message) => {
    await using lab = await startStepLab({ inputs: docsInputs(), files: {}, ...content });
    expect(await prepare(lab.options())).toBe(1);
    await expect(lab.terminationMessage()).resolves.toMatchObject({
      verdict: { reason: "InvalidInput", message: expect.stringContaining(message) as unknown },
    });
  });

  it("passes over what is no file where an implementer's documents would be", async () => {
    const files = { ...backlog(1), ".taskmaster/docs/task-1/task.md/readme.md": "" };
    const links = { ".taskmaster/docs/task-1/prompt.md": "prompt.md" };
    await using lab = await startStepLab({ inputs: implementationInputs(), files, links });
    expect(await prepare(lab.options())).toBe(0);
  });

  it("cuts what it says to what the kubelet keeps", async () => {
    const verdict = { reason: "MissingSecret", message: "ü".repeat(3000) };
    await using lab = await startStepLab({ inputs: docsInputs(), files: {}, readiness: { state: "failed", verdict } });
    await prepare(lab.options());
    const size = (await readFile(lab.paths.terminationMessage)).byteLength;
    expect(size).toBeGreaterThan(1990);
    expect(size).toBeLessThanOrEqual(2000);
  });

  it("says nothing of its own about defects", async () => {
    await using lab = await startStepLab({ inputs: docsInputs(), files: backlog(1), config: { "run.json": "{}" } });
    await expect(prepare(lab.options())).rejects.toMatchObject({ name: "StepFileError" });
  });
});
