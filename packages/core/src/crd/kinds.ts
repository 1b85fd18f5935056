import type { z } from "zod";
import { docsGenerationRunSpec } from "../api/docs-generation-run.ts";
import { docsGenerationRunStatus, runStatus } from "../api/status.ts";
import { taskImplementationRunSpec } from "../api/task-implementation-run.ts";

/** What `kubectl get` shows; `path` is a JSON path from the object. */
interface PrinterColumn {
  name: string;
  type: "string" | "integer" | "date";
  description: string;
  path: string;
  /** 0 by default; what is higher is shown by `kubectl get -o wide` alone. */
  priority?: number;
}

/** What a CustomResourceDefinition says besides its schema. */
export interface KindFrame {
  kind: string;
  plural: string;
  singular: string;
  shortName: string;
  description: string;
  /** Which operator serves it; a label by which an installation picks its own CRDs. */
  operator: string;
  spec: z.ZodObject;
  status: z.ZodObject;
  columns: readonly PrinterColumn[];
  /** Paths that field selectors may name, besides name and namespace. */
  selectable: readonly string[];
}

const before: readonly PrinterColumn[] = [
  { name: "Phase", type: "string", description: "Where the run stands.", path: ".status.phase" },
  {
    name: "Reason",
    type: "string",
    description: "Why the run ended, or what it waits for.",
    path: '.status.conditions[?(@.type=="Succeeded")].reason',
  },
];

const after: readonly PrinterColumn[] = [
  { name: "Cost", type: "string", description: "US dollars spent on the model.", path: ".status.totalCostUsd" },
  {
    name: "Pull Request",
    type: "string",
    description: "Where the work was delivered.",
    path: ".status.result.pullRequest.url",
  },
  { name: "Age", type: "date", description: "Time since the run was made.", path: ".metadata.creationTimestamp" },
  {
    name: "Message",
    type: "string",
    description: "Where the run stands, in a sentence.",
    path: ".status.message",
    priority: 1,
  },
];

/** Every kind that has a CustomResourceDefinition. */
export const kinds: readonly KindFrame[] = [
  {
    kind: "DocsGenerationRun",
    plural: "docsgenerationruns",
    singular: "docsgenerationrun",
    shortName: "dgr",
    description:
      "Writes the documents that an implementer needs for the tasks of a Task Master file, and delivers them as one pull request.",
    operator: "docs-generation-operator",
    spec: docsGenerationRunSpec,
    status: docsGenerationRunStatus,
    columns: [
      ...before,
      {
        name: "Tasks",
        type: "string",
        description: "How many of the tasks have their documents.",
        path: ".status.tasks.summary",
      },
      ...after,
    ],
    selectable: [".status.phase"],
  },
  {
    kind: "TaskImplementationRun",
    plural: "taskimplementationruns",
    singular: "taskimplementationrun",
    shortName: "tir",
    description: "Implements one task of a Task Master file in a service, and delivers it as one pull request.",
    operator: "task-implementation-operator",
    spec: taskImplementationRunSpec,
    status: runStatus,
    columns: [
      ...before,
      { name: "Task", type: "integer", description: "The task that is implemented.", path: ".spec.taskId" },
      ...after,
    ],
    selectable: [".status.phase", ".spec.serviceName", ".spec.taskId"],
  },
];
