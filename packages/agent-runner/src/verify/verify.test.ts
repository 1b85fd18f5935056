import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { prepare } from "../prepare/prepare.ts";
import { needStepFile, readStepFile, type SessionRecord, stepFiles, writeStepFile } from "../steps/step-files.ts";
import {
  backlog,
  docsInputs,
  documentsOf,
  implementationInputs,
  startStepLab,
  type StepLab,
} from "../steps/step-lab.ts";
import { Repository } from "../steps/repository.ts";
import { verify } from "./verify.ts";

const record = (taskId: number, changes: Partial<SessionRecord> = {}): SessionRecord => ({
  taskId,
  sessionId: "s",
  interrupted: false,
  turns: 1,
  ...changes,
});

const identity = ["-c", "user.name=Rex", "-c", "user.email=rex@example.test"];

async function prepared(
  inputs: Parameters<typeof startStepLab>[0]["inputs"],
  files: Record<string, string> = {},
): Promise<StepLab> {
  const lab = await startStepLab({ inputs, files: { ...backlog(1, 2, 3, 4), ...files } });
  expect(await prepare(lab.options())).toBe(0);
  return lab;
}

describe("the check of all sessions", () => {
  it("finds complete documents, missing ones, and sessions that failed or were interrupted", async () => {
    await using lab = await prepared(docsInputs());
    const noResult = { reason: "NoResult", message: "m" } as const;
    const records = [record(2), record(1), record(3, { verdict: noResult }), record(4, { interrupted: true })];
    await writeStepFile(lab.paths, stepFiles.sessions, records);
    await lab.write({
      ...documentsOf(1),
      ...documentsOf(3),
      ...documentsOf(4),
      ".taskmaster/docs/task-2/task.md": "text",
    });
    expect(await verify(lab.options())).toBe(1);
    const found = await needStepFile(lab.paths, stepFiles.verification);
    expect(found).toEqual({
      complete: [1],
      failed: [
        {
          taskId: 2,
          verdict: {
            reason: "IncompleteDocs",
            message: expect.stringContaining("task-2/task.md: it has no heading") as unknown,
          },
        },
        { taskId: 3, verdict: noResult },
      ],
    });
    await expect(readStepFile(lab.paths, stepFiles.verdict)).resolves.toMatchObject({ reason: "IncompleteDocs" });
  });

  it("is content with an implementation that changed, added or committed something", async () => {
    for (const how of ["change", "add", "commit"]) {
      await using lab = await prepared(implementationInputs());
      await writeStepFile(lab.paths, stepFiles.sessions, [record(1)]);
      await lab.write(how === "change" ? backlog(1) : { "new.txt": "new\n" });
      const tree = new Repository({ ...lab.options(), directory: lab.paths.repository });
      if (how === "commit") {
        await tree.git(["add", "--all"]);
        await tree.git(["commit", "--quiet", "--message=By the agent"]);
      }
      expect(await verify(lab.options())).toBe(0);
      expect(lab.progress().at(-1)?.message).toBe("The work is complete");
    }
  });

  it("is not content with an implementation that changed nothing", async () => {
    await using lab = await prepared(implementationInputs());
    await writeStepFile(lab.paths, stepFiles.sessions, [record(1)]);
    expect(await verify(lab.options())).toBe(1);
    const message = "The agent ended and had changed nothing";
    await expect(readStepFile(lab.paths, stepFiles.verdict)).resolves.toEqual({ reason: "NothingDelivered", message });
  });

  it.each(["untracked", "empty", "committed"])(
    "names a repository within that of an implementation, which is %s",
    async (how) => {
      await using lab = await prepared(implementationInputs(), { ".gitignore": "ignored/\n" });
      await writeStepFile(lab.paths, stepFiles.sessions, [record(1)]);
      const nested = async (path: string): Promise<void> => {
        await lab.write({ [`${path}/a.txt`]: "a\n" });
        const inner = new Repository({ ...lab.options(), directory: join(lab.paths.repository, path) });
        await inner.git(["init", "--quiet"]);
        if (how === "empty") return;
        await inner.git(["add", "--all"]);
        await inner.git([...identity, "commit", "--quiet", "--message=Of its own"]);
      };
      await nested("ignored/cache");
      await lab.write({ "b.txt": "b\n" });
      expect(await verify(lab.options())).toBe(0);
      await nested("web/app");
      if (how === "committed") {
        const tree = new Repository({ ...lab.options(), directory: lab.paths.repository });
        await tree.git(["add", "--all"]);
        await tree.git(["commit", "--quiet", "--message=By the agent"]);
      }
      expect(await verify(lab.options())).toBe(1);
      const message =
        "web/app is a Git repository of its own, whose files would not be delivered: remove web/app/.git to make them part of the work";
      await expect(readStepFile(lab.paths, stepFiles.verdict)).resolves.toEqual({ reason: "AgentError", message });
      if (how !== "committed") return;
      await lab.write({
        ".gitmodules": '[submodule "app"]\n\tpath = web/app\n\turl = https://forge.example.test/app\n',
      });
      expect(await verify(lab.options())).toBe(0);
    },
  );

  it("says which changes of an implementation Git does not see", async () => {
    await using lab = await prepared(implementationInputs(), { ".gitignore": "*.log\nbuild/\n" });
    await writeStepFile(lab.paths, stepFiles.sessions, [record(1)]);
    const logs = Array.from({ length: 5 }, (_, index) => [`${index}.log`, "x\n"] as const);
    await lab.write({ ...Object.fromEntries(logs), "build/a": "a\n", "build/b": "b\n" });
    expect(await verify(lab.options())).toBe(1);
    const message =
      "The agent ended and had changed nothing but files that .gitignore names: 0.log, 1.log, 2.log, 3.log, 4.log and 1 more";
    await expect(readStepFile(lab.paths, stepFiles.verdict)).resolves.toEqual({ reason: "NothingDelivered", message });
  });
});

describe("the stop hook's check", () => {
  it("keeps the agent going and tells it what is wrong", async () => {
    await using lab = await prepared(docsInputs());
    const argv = ["--task", "2"];
    expect(await verify(lab.options({ argv }))).toBe(2);
    expect(lab.stderr()).toBe(
      [
        "The documents of task 2 are not complete. Mend them before you stop:",
        "- .taskmaster/docs/task-2/task.md: it is missing",
        "- .taskmaster/docs/task-2/prompt.md: it is missing",
        "- .taskmaster/docs/task-2/acceptance-criteria.md: it is missing",
        "",
      ].join("\n"),
    );
    await lab.write(documentsOf(2));
    expect(await verify(lab.options({ argv }))).toBe(0);
  });

  it("has nothing against an implementation", async () => {
    await using lab = await prepared(implementationInputs());
    expect(await verify(lab.options({ argv: ["--task", "1"] }))).toBe(0);
  });
});
