import { expect, test } from "vitest";
import { refusedPod } from "../support/pod.ts";
import { startRunLab } from "../support/run-lab.ts";

const path = ".taskmaster/tasks/tasks.json";
const tasks = JSON.stringify({ tasks: [1, 2, 3, 7].map((id) => ({ id, title: `Task ${id}` })) });

test.each([
  {
    name: "no tasks.json",
    files: { "README.md": "# Shop\n" },
    spec: { workingDirectory: "apps/web" },
    message:
      /^There is no apps\/web\/\.taskmaster\/tasks\/tasks\.json on branch main of https:.*spec\.workingDirectory/,
  },
  {
    name: "residue after the JSON",
    files: { [path]: `${tasks}\n  }\n` },
    spec: {},
    message: /^\.taskmaster\/tasks\/tasks\.json is not valid JSON: line 2, column 3: something follows after the end/,
  },
  {
    name: "a target task that does not exist",
    files: { [path]: tasks },
    spec: { targetTasks: [2, 5, 6, 9] },
    message: /^spec\.targetTasks names tasks that do not exist: 5-6,9; the list has 1-3,7\.$/,
  },
  {
    name: "a tag that does not exist",
    files: { [path]: JSON.stringify({ alpha: { tasks: [] }, beta: { tasks: [] } }) },
    spec: { tag: "gamma" },
    message: /has no tag "gamma"; its tags are "alpha", "beta"/,
  },
])("$name ends the run as InvalidInput before an agent is paid", async ({ files, spec, message }) => {
  await using lab = await startRunLab(files);
  await using pod = await lab.docs(spec);
  const refused = await refusedPod(pod);
  expect(refused).toEqual({
    exitCode: 1,
    message: { version: 1, verdict: { reason: "InvalidInput", message: expect.stringMatching(message) as unknown } },
  });
  expect(lab.model.requests().total).toBe(0);
});

test("a task that does not exist cannot be implemented", async () => {
  await using lab = await startRunLab({ [path]: tasks });
  await using pod = await lab.implementation({ taskId: 4 });
  expect((await refusedPod(pod)).message.verdict).toEqual({
    reason: "InvalidInput",
    message: "spec.taskId names tasks that do not exist: 4; the list has 1-3,7.",
  });
});

test("what keeps the gateway from the repository is told by prepare", async () => {
  await using lab = await startRunLab({ [path]: tasks });
  const repository = {
    url: lab.url,
    branch: "develop",
    provider: "GitHub" as const,
    apiUrl: lab.forge.apiUrl,
    secretRef: { name: "forge" },
  };
  await using pod = await lab.docs({ repository });
  expect(await refusedPod(pod)).toMatchObject({ exitCode: 1, message: { verdict: { reason: "BranchNotFound" } } });
});
