import type { OutputFormat } from "../api/docs-generation-run.ts";
import type { JobType } from "../job-type/job-type.ts";
import { loadTemplate } from "./load-template.ts";
import type { Template } from "./template.ts";

/**
 * Where the template files lie: in `files/` beside this module. A bundle has this module inside its one file, so
 * whoever makes a bundle copies the folder to `files/` beside it:
 * `cpSync(templateFiles, "dist/files", { recursive: true })`.
 */
export const templateFiles = new URL("./files/", import.meta.url);

/** What every script is given. */
export type ScriptValues = {
  /** Path of the program `agent-runner`. */
  runner: string;
};

/** General part of a docs session's prompt; the runner appends the task. */
export type DocsPromptValues = {
  format: OutputFormat;
  /** What a document has to look like to parse: `formatRules[format]`. */
  formatRules: string;
  /** Folder of the documents, relative to the repository's root. */
  docsDirectory: string;
};

/** General part of an implementation's prompt; the runner appends the task. */
export type ImplementationPromptValues = { serviceName: string };

const prepTemplates: Readonly<Record<JobType["type"], Template<ScriptValues>>> = {
  docs_generation: load("docs-generation-prep-job.sh.hbs"),
  task_implementation: load("prep-job.sh.hbs"),
};

const containerTemplates: Readonly<Record<JobType["type"], Template<ScriptValues>>> = {
  docs_generation: load("docs-generation-container.sh.hbs"),
  task_implementation: load("main-container.sh.hbs"),
};

/** The script of the `prepare` container. */
export function getPrepTemplate(jobType: Pick<JobType, "type">): Template<ScriptValues> {
  return prepTemplates[jobType.type];
}

/** The script of the `agent` container. */
export function getContainerTemplate(jobType: Pick<JobType, "type">): Template<ScriptValues> {
  return containerTemplates[jobType.type];
}

/** The script that a docs session calls when it wants to stop. */
export const stopHookTemplate: Template<ScriptValues> = load("stop-hook-docs-pr.sh.hbs");

export const docsPromptTemplate: Template<DocsPromptValues> = load("docs-generation-prompt.md.hbs");

export const implementationPromptTemplate: Template<ImplementationPromptValues> = load(
  "task-implementation-prompt.md.hbs",
);

function load<V extends Record<keyof V, string>>(name: string): Template<V> {
  return loadTemplate<V>(new URL(name, templateFiles));
}
