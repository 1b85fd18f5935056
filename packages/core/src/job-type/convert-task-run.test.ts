import { describe, expect, it } from "vitest";
import { SerializationError } from "../errors/serialization-error.ts";
import { convertTaskRun } from "./convert-task-run.ts";

function legacy(spec: Record<string, unknown>, rest: Record<string, unknown> = {}): unknown {
  return {
    apiVersion: "orchestrator.io/v1",
    kind: "TaskRun",
    metadata: { name: "old", namespace: "team-a" },
    spec,
    ...rest,
  };
}

const repository = { url: "https://github.com/example/backlog", branch: "main" };
const implementation = { taskId: 7, serviceName: "greeter", agentName: "ada", repository };

describe("convertTaskRun", () => {
  it("turns the magic task id into a DocsGenerationRun, and the id is gone", () => {
    const { run, notCarriedOver } = convertTaskRun(legacy({ taskId: 999_999, repository }));

    expect(run).toMatchObject({
      apiVersion: "orchestrator.io/v1",
      kind: "DocsGenerationRun",
      metadata: { name: "old", namespace: "team-a" },
      spec: { repository, force: false, model: "opus" },
    });
    expect(run.spec).not.toHaveProperty("taskId");
    expect(run.spec).not.toHaveProperty("targetTasks");
    expect(notCarriedOver).toEqual([]);
  });

  it("turns any other task id into a TaskImplementationRun, from snake_case fields too", () => {
    const { run, notCarriedOver } = convertTaskRun(
      legacy({
        task_id: 7,
        service_name: "greeter",
        agent_name: "ada",
        context_version: 4,
        model: "claude-opus-4-20250514",
        repository,
        markdown_files: [{ filename: "a.md", content: "text", file_type: "design-spec" }],
        agent_tools: [{ name: "mcp__forge", config: { start_command: "forge" } }],
      }),
    );

    expect(run.kind).toBe("TaskImplementationRun");
    expect(run.spec).toMatchObject({
      taskId: 7,
      serviceName: "greeter",
      agentName: "ada",
      contextVersion: 4,
      model: "claude-opus-4-20250514",
      markdownFiles: [{ filename: "a.md", content: "text", fileType: "design-spec" }],
      agentTools: [{ name: "mcp__forge", enabled: true, config: { start_command: "forge" } }],
    });
    expect(notCarriedOver).toEqual([]);
  });

  it("believes jobType before the task id", () => {
    const jobType = { type: "docs_generation", config: { target_tasks: [3, 1], force_overwrite: true } };
    const { run } = convertTaskRun(legacy({ ...implementation, job_type: jobType }));

    expect(run.kind).toBe("DocsGenerationRun");
    expect(run.spec).toMatchObject({ targetTasks: [3, 1], force: true });
  });

  it("names every field that is gone, wherever it stood", () => {
    const { notCarriedOver } = convertTaskRun(
      legacy(
        {
          ...implementation,
          platformRepository: { url: "https://github.com/example/platform" },
          repository: { ...repository, githubUser: "ada" },
          agentTools: [{ name: "Bash", since: 1 }],
          forceOverwrite: true,
          jobType: { type: "task_implementation", config: { taskId: 7, priority: 1, retryConfig: { max_retries: 2 } } },
        },
        { status: { phase: "Running" } },
      ),
    );

    expect(notCarriedOver.map(({ field }) => field).toSorted()).toEqual([
      "spec.agentTools.0.since",
      "spec.forceOverwrite",
      "spec.jobType.config.priority",
      "spec.platformRepository",
      "spec.repository.githubUser",
      "spec.retryConfig.max_retries",
      "status",
    ]);
  });

  it("names the task id of a docs run that meant one task", () => {
    const { notCarriedOver } = convertTaskRun(legacy({ taskId: 5, repository, jobType: "docs_generation" }));

    expect(notCarriedOver).toEqual([{ field: "spec.taskId", why: "the new kind of run has no such field" }]);
  });

  it("leaves out an optional field whose value is refused today, and says why", () => {
    const { run, notCarriedOver } = convertTaskRun(
      legacy({ ...implementation, contextVersion: 0, workingDirectory: "../x" }),
    );

    expect(run.spec).toMatchObject({ contextVersion: 1, workingDirectory: "." });
    expect(notCarriedOver.map(({ field }) => field).toSorted()).toEqual([
      "spec.contextVersion",
      "spec.workingDirectory",
    ]);
    expect(notCarriedOver.find(({ field }) => field === "spec.workingDirectory")?.why).toContain(
      "inside the repository",
    );
  });

  it("leaves out files that are no objects", () => {
    const { run, notCarriedOver } = convertTaskRun(legacy({ ...implementation, markdownFiles: ["text"] }));

    expect(run.spec).not.toHaveProperty("markdownFiles");
    expect(notCarriedOver.map(({ field }) => field)).toEqual(["spec.markdownFiles.0"]);
  });

  it("keeps labels and annotations, but not kubectl's copy of the old object", () => {
    const metadata = {
      name: "old",
      labels: { team: "a" },
      annotations: { note: "keep", "kubectl.kubernetes.io/last-applied-configuration": "{}" },
      uid: "1",
    };

    expect(convertTaskRun(legacy(implementation, { metadata })).run.metadata).toEqual({
      name: "old",
      labels: { team: "a" },
      annotations: { note: "keep" },
    });
  });

  it.each([
    [
      "credentials in the URL",
      { ...implementation, repository: { url: "https://u:p@github.com/a/b" } },
      "must not hold",
    ],
    ["no repository", { taskId: 999_999 }, "repository"],
    ["no task id", { repository }, "taskId"],
    ["a type that never was", { ...implementation, jobType: { type: "review", config: {} } }, "type"],
  ])("refuses %s and names the object or the field", (_, spec, text) => {
    expect(() => convertTaskRun(legacy(spec))).toThrow(SerializationError);
    expect(() => convertTaskRun(legacy(spec))).toThrow(text);
  });

  it("names the TaskRun that it cannot convert", () => {
    expect(() => convertTaskRun(legacy({ taskId: 1, repository }))).toThrow(/TaskRun team-a\/old/);
    expect(() => convertTaskRun(legacy({ taskId: 1, repository }, { metadata: { name: "old" } }))).toThrow(
      /TaskRun old/,
    );
    expect(() => convertTaskRun({ kind: "Job", metadata: { name: "x" }, spec: {} })).toThrow(SerializationError);
  });
});
