import { access, mkdir, mkdtemp, readFile, writeFile, rm, stat, symlink, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { formatSource } from "../documents/source.ts";
import { sessionId } from "../run/session-id.ts";
import { Repository } from "../steps/repository.ts";
import { needStepFile, stepFiles } from "../steps/step-files.ts";
import {
  backlog,
  docsInputs,
  documentsOf,
  implementationInputs,
  startStepLab,
  type StepLab,
} from "../steps/step-lab.ts";
import { parseTasks } from "../tasks/parse-tasks.ts";
import { taskHash } from "../tasks/task-hash.ts";
import { prepare } from "./prepare.ts";

/** Documents of task 1 of `backlog`, as a run leaves them. */
function currentDocuments(run = "u"): Record<string, string> {
  const bytes = new TextEncoder().encode(backlog(1)[".taskmaster/tasks/tasks.json"]);
  const [task] = parseTasks(bytes, { tag: "master", file: "tasks.json" });
  const hash = task === undefined ? "" : taskHash(task);
  const source = formatSource({ hash, format: "Markdown", run });
  return { ...documentsOf(1), ".taskmaster/docs/task-1/source.json": source };
}

const runUid = docsInputs().uid;
const sessionOf = (taskId: number, attempt = 1): string => sessionId({ runUid, attempt, taskId });

/** A commit on top of `main` as an earlier attempt has handed it in. */
async function workInGateway(lab: StepLab, files: Record<string, string>): Promise<string> {
  const tree = await mkdtemp(join(lab.paths.temporary, "work-"));
  const bare = await lab.inGateway("rev-parse", "--absolute-git-dir");
  const git = new Repository({ ...lab.options(), directory: tree });
  await git.clone(bare, "main");
  await git.git(["reset", "--quiet", "--hard"]);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), content);
  }
  const identity = ["-c", "user.name=Seed", "-c", "user.email=seed@example.test"];
  await git.git(["add", "--all"]);
  await git.git([...identity, "commit", "--quiet", "--message=Work in progress"]);
  await git.git(["push", "--quiet", "origin", "HEAD:refs/orchestrator/work"]);
  return await git.git(["rev-parse", "HEAD"]);
}

/** What the gateway answers to those who ask for earlier work; filled in once the work is there. */
function earlier(...sessions: string[]) {
  const transcripts = sessions.map((id) => ({
    sessionId: id,
    path: `projects/-workspace-repository/${id}.jsonl`,
    gzipBase64: gzipSync(`{"of":"${id}"}\n`).toString("base64"),
  }));
  return { state: "found", commit: "", round: 1, transcripts };
}

const previous = { reason: "VerificationFailed", message: "nine items were expected" };

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
    expect(plan).toMatchObject({ startCommit: base, sessions: [{ taskId: 1, title: "Task 1" }] });
    expect(await readFile(join(lab.paths.claudeConfig, "settings.json"), "utf8")).toBe(
      await readFile(join(lab.paths.inputs, "settings.json"), "utf8"),
    );
    // The door's token is neither in the work tree nor in what was said.
    expect(await tree.git(["config", "--list"])).not.toMatch(/the-doors-token|extraheader/i);
    expect(lab.progress()).toMatchObject([{ message: "To be done: 1" }, { message: "To be done: 1" }]);
  });

  it("keeps of what other runs have left in a workspace only caches and what Git ignores", async () => {
    const files = { ...backlog(1), ".gitignore": "cache/\n", "a.txt": "a\n", "b.txt": "b\n" };
    await using lab = await startStepLab({ inputs: implementationInputs(), files });
    const { repository, home, steps, claudeConfig } = lab.paths;
    expect(await prepare(lab.options())).toBe(0);
    const old = new Date("2026-01-01T00:00:00Z");
    await utimes(join(repository, "b.txt"), old, old);
    await lab.write({
      "a.txt": "changed\n",
      "cache/a.o": "kept\n",
      "new/b.txt": "b\n",
      ".git/hooks/pre-push": "exit 1\n",
    });
    const nested = new Repository({ ...lab.options(), directory: join(repository, "new") });
    await nested.git(["init", "--quiet"]);
    const settings = [".config/git/ignore", ".claude.json", ".gitconfig", ".bashrc", ".npmrc", ".cargo/config.toml"];
    const cached = [".cache/a", ".cargo/registry/a"];
    for (const folder of [".config/git", ".cache", ".cargo/registry"])
      await mkdir(join(home, folder), { recursive: true });
    await symlink(repository, join(home, ".m2"));
    const inHome = [...settings, ...cached].map((name) => join(home, name));
    const left = [...inHome, join(claudeConfig, "CLAUDE.md"), join(steps, "verdict.json")];
    for (const path of left) await writeFile(path, "*\n");

    expect(await prepare(lab.options())).toBe(0);
    const tree = new Repository({ ...lab.options(), directory: repository });
    expect(await tree.git(["status", "--porcelain", "--ignored"])).toBe("!! cache/");
    expect((await stat(join(repository, "b.txt"))).mtime).toEqual(old);
    expect(await exists(join(repository, ".git/hooks/pre-push"))).toBe(false);
    const there = await Promise.all(left.map(exists));
    expect(left.filter((_path, index) => there[index])).toEqual(cached.map((name) => join(home, name)));
    expect(await exists(join(home, ".m2"))).toBe(false);

    await rm(repository, { recursive: true });
    await symlink(home, repository);
    expect(await prepare(lab.options())).toBe(0);
    expect(await tree.git(["status", "--porcelain", "--ignored"])).toBe("");
    expect(await exists(join(home, ".cache/a"))).toBe(true);
  });

  it("takes the task of work without a repository from the file given for it", async () => {
    const inputs = implementationInputs({
      repository: { url: "file:///run/orchestrator/workspace/repository.git", branch: "main", provider: "None" },
      workspace: { claim: "workspace-shop" },
      markdownFiles: [
        { filename: "notes.md", fileType: "context", key: "markdown-0.md" },
        { filename: "task.md", fileType: "task", key: "markdown-1.md" },
      ],
    });
    const config = { "markdown-0.md": "Mind the hours.\n", "markdown-1.md": "# Open the shop\n\nAt nine.\n" };
    await using lab = await startStepLab({ inputs, files: {}, config });
    expect(await prepare(lab.options())).toBe(0);
    const { sessions } = await needStepFile(lab.paths, stepFiles.plan);
    expect(sessions).toMatchObject([{ taskId: 1, title: "Open the shop" }]);
    const prompt = await readFile(sessions[0]?.promptFile ?? "", "utf8");
    expect(prompt.match(/At nine\./g)).toHaveLength(2);
    expect(prompt).toContain("# Document notes.md (context)");
    expect(prompt).not.toContain("# Document task.md");
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

  it("goes on from what an earlier attempt of the run has left, in its session", async () => {
    const inputs = docsInputs({ attempt: 3, resume: { session: true, required: true, previous } });
    const resume = earlier(sessionOf(2, 1), sessionOf(2, 2));
    await using lab = await startStepLab({ inputs, files: backlog(1, 2, 3), resume });
    const own = { ...currentDocuments(runUid), ".taskmaster/docs/task-2/task.md": "# Half\n" };
    resume.commit = await workInGateway(lab, own);
    expect(await prepare(lab.options())).toBe(0);
    const plan = await needStepFile(lab.paths, stepFiles.plan);
    expect(plan.done).toEqual([{ taskId: 1, title: "Task 1" }]);
    expect(plan.startCommit).toBe(await lab.inGateway("rev-parse", "main"));
    expect(plan.sessions.map(({ taskId, resume: id }) => [taskId, id])).toEqual([
      [2, sessionOf(2, 2)],
      [3, undefined],
    ]);
    const transcript = join(lab.paths.claudeConfig, `projects/-workspace-repository/${sessionOf(2, 2)}.jsonl`);
    expect(await readFile(transcript, "utf8")).toBe(`{"of":"${sessionOf(2, 2)}"}\n`);
    // What was begun is there, and nothing of it staged.
    const tree = new Repository({ ...lab.options(), directory: lab.paths.repository });
    expect(await tree.git(["status", "--porcelain", "--untracked-files=all"])).toContain(
      "?? .taskmaster/docs/task-2/task.md",
    );
    const [second, third] = await Promise.all(
      plan.sessions.map(async ({ promptFile }) => await readFile(promptFile, "utf8")),
    );
    expect(second).toMatch(/^# Go on\n[\s\S]*VerificationFailed: nine items were expected/);
    expect(second).not.toContain("# Instructions");
    expect(third).toMatch(/# Instructions[\s\S]*# Earlier work\n[\s\S]*VerificationFailed: nine items were expected/);
    expect(lab.progress().at(-1)).toMatchObject({
      message: "To be done: 2-3; done by an earlier attempt: 1",
      tasksDone: 1,
      tasksTotal: 3,
    });
  });

  it("begins a new session on what is there where the earlier one is not to be continued", async () => {
    const inputs = implementationInputs({ attempt: 2, resume: { session: false, required: true, previous } });
    const resume = earlier(sessionOf(1));
    await using lab = await startStepLab({ inputs, files: backlog(1), resume });
    resume.commit = await workInGateway(lab, { "new.txt": "mine\n" });
    expect(await prepare(lab.options())).toBe(0);
    const plan = await needStepFile(lab.paths, stepFiles.plan);
    expect(plan.sessions).toMatchObject([{ taskId: 1 }]);
    expect(plan.sessions[0]).not.toHaveProperty("resume");
    expect(await exists(join(lab.paths.claudeConfig, "projects"))).toBe(false);
    expect(await readFile(join(lab.paths.repository, "new.txt"), "utf8")).toBe("mine\n");
  });

  it("tells a session of an earlier round all that the new one asks for", async () => {
    const resumed = { session: true, required: false };
    const inputs = implementationInputs({ attempt: 2, round: 2, followUp: "Make it blue.", resume: resumed });
    const resume = earlier(sessionOf(1));
    await using lab = await startStepLab({ inputs, files: backlog(1), resume });
    resume.commit = await workInGateway(lab, { "new.txt": "mine\n" });
    expect(await prepare(lab.options())).toBe(0);
    const plan = await needStepFile(lab.paths, stepFiles.plan);
    expect(plan.sessions).toMatchObject([{ resume: sessionOf(1) }]);
    const prompt = await readFile(plan.sessions[0]?.promptFile ?? "", "utf8");
    expect(prompt).toMatch(/^# Instructions[\s\S]*# Round 2\n[\s\S]*Make it blue\./);
    expect(prompt).not.toContain("An earlier attempt");
  });

  it("plans nothing where everything has been delivered", async () => {
    const readiness = { state: "ready", baseCommit: "", delivered: true };
    await using lab = await startStepLab({ inputs: implementationInputs(), files: backlog(1), readiness });
    readiness.baseCommit = await lab.inGateway("rev-parse", "main");
    expect(await prepare(lab.options())).toBe(0);
    await expect(needStepFile(lab.paths, stepFiles.plan)).resolves.toMatchObject({
      sessions: [],
      upToDate: [],
      done: [],
    });
    expect(lab.progress()).toMatchObject([{ message: "An earlier attempt has delivered everything" }]);
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
      "there is neither a repository nor a file with the task",
      {
        inputs: implementationInputs({ repository: { url: "file:///workspace", branch: "main", provider: "None" } }),
      },
      "InvalidInput",
      "Without a repository there has to be a markdownFile of type task in spec.markdownFiles.",
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
