import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { outputFormat } from "../api/docs-generation-run.ts";
import { formatRules } from "./format-rules.ts";
import { loadTemplate } from "./load-template.ts";
import {
  docsPromptTemplate,
  getContainerTemplate,
  getPrepTemplate,
  implementationPromptTemplate,
  stopHookTemplate,
  templateFiles,
} from "./registry.ts";

const jobTypes = ["docs_generation", "task_implementation"] as const;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "templates-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A runner that says how it was called, and then does what `behaviour` (shell) says. */
function fakeRunner(behaviour: string): string {
  const path = join(directory, "agent runner's twin");
  writeFileSync(path, `#!/bin/sh\necho "$*"\n${behaviour}\n`);
  chmodSync(path, 0o755);
  return path;
}

function start(script: string): ChildProcess & { stdout: NodeJS.ReadableStream } {
  return spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "inherit"] });
}

async function run(script: string): Promise<{ code: number | null; lines: string[] }> {
  const child = start(script);
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "close") as Promise<[number | null]>]);
  return { code, lines: output.trim().split("\n") };
}

describe("the registry", () => {
  it("has a template of its own for each job type and container", () => {
    expect(jobTypes.map((type) => getPrepTemplate({ type }).name)).toEqual([
      "docs-generation-prep-job.sh.hbs",
      "prep-job.sh.hbs",
    ]);
    expect(jobTypes.map((type) => getContainerTemplate({ type }).name)).toEqual([
      "docs-generation-container.sh.hbs",
      "main-container.sh.hbs",
    ]);
    expect(stopHookTemplate.name).toBe("stop-hook-docs-pr.sh.hbs");
  });

  it("uses every file of its folder", () => {
    const used = [
      ...jobTypes.flatMap((type) => [getPrepTemplate({ type }), getContainerTemplate({ type })]),
      stopHookTemplate,
      docsPromptTemplate,
      implementationPromptTemplate,
    ].map(({ name }) => name);
    expect(readdirSync(templateFiles).sort()).toEqual(used.sort());
  });

  it("puts every value into shell by the quote helper", () => {
    const scripts = readdirSync(templateFiles).filter((name) => name.endsWith(".sh.hbs"));
    expect(scripts).toHaveLength(5);
    const values = scripts.flatMap((name) =>
      readFileSync(new URL(name, templateFiles), "utf8").match(/\{\{[^}]*\}\}/g),
    );
    expect(new Set(values)).toEqual(new Set(["{{quote runner}}"]));
  });
});

describe("a template file", () => {
  it("that is not there is named", () => {
    expect(() => loadTemplate(new URL("no-such.sh.hbs", templateFiles))).toThrow(
      expect.objectContaining({ kind: "TemplateError", template: "no-such.sh.hbs" }),
    );
  });
});

describe.each(jobTypes)("the prepare script of %s", (type) => {
  it("is the runner's prepare, with its exit code", async () => {
    const script = getPrepTemplate({ type }).render({ runner: fakeRunner("exit 7") });
    expect(await run(script)).toEqual({ code: 7, lines: ["prepare"] });
  });
});

describe.each(jobTypes)("the agent script of %s", (type) => {
  const container = getContainerTemplate({ type });

  it("goes through all steps and ends with the report's exit code", async () => {
    const script = container.render({ runner: fakeRunner('[ "$1" != report ] || exit 5') });
    expect(await run(script)).toEqual({ code: 5, lines: ["run", "verify", "deliver", "report"] });
  });

  it("hands a signal to the step in hand, waits for its end, and then only reports", async () => {
    const runner = fakeRunner(
      [
        '[ "$1" = run ] || exit 0',
        "trap 'echo stopping; sleep 0.2; echo stopped; exit 1' TERM",
        "echo ready",
        "while :; do sleep 0.05; done",
      ].join("\n"),
    );
    const child = start(container.render({ runner }));
    let output = "";
    for await (const chunk of child.stdout) {
      output += String(chunk);
      if (output.endsWith("ready\n")) child.kill("SIGTERM");
    }
    expect(output.trim().split("\n")).toEqual(["run", "ready", "stopping", "stopped", "report"]);
  });

  it("does not let a signal interrupt the report", async () => {
    const runner = fakeRunner('[ "$1" = report ] || exit 0\nkill -TERM $$\necho reported\nexit 3');
    const { code, lines } = await run(container.render({ runner }));
    expect({ code, last: lines.at(-1) }).toEqual({ code: 3, last: "reported" });
  });

  it("reports that the agent image has no runner", async () => {
    expect((await run(`${container.render({ runner: "/no/such/runner" })}`)).code).toBe(127);
  });
});

describe("a step that fails", () => {
  const failingRun = '[ "$1" != run ] || exit 1';

  it("ends an implementation, which still reports", async () => {
    const script = getContainerTemplate({ type: "task_implementation" }).render({ runner: fakeRunner(failingRun) });
    expect((await run(script)).lines).toEqual(["run", "report"]);
  });

  it("does not keep complete documents from being delivered", async () => {
    const script = getContainerTemplate({ type: "docs_generation" }).render({ runner: fakeRunner(failingRun) });
    expect((await run(script)).lines).toEqual(["run", "verify", "deliver", "report"]);
  });
});

describe("the stop hook", () => {
  it("asks the runner about the session's task and passes its verdict on", async () => {
    const script = stopHookTemplate.render({ runner: fakeRunner("exit 2") });
    expect(await run(`export ORCHESTRATOR_TASK_ID=12\n${script}`)).toEqual({ code: 2, lines: ["verify --task 12"] });
  });
});

describe("the prompts", () => {
  it.each(outputFormat.options)("tell a docs session what %s has to look like", (format) => {
    const prompt = docsPromptTemplate.render({
      format,
      formatRules: formatRules[format],
      docsDirectory: "app/.taskmaster/docs",
    });
    expect(prompt).toContain(`The files are ${format}.\n${formatRules[format]}\n`);
    expect(prompt).toContain("`app/.taskmaster/docs`");
  });

  it("tell an implementation which service it works on", () => {
    expect(implementationPromptTemplate.render({ serviceName: "billing" })).toContain("the service `billing`");
  });
});
