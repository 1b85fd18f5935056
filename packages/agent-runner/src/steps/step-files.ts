import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { delivery, type RunInputs, runInputs, verdict, inputFiles, type Verdict } from "@orchestrator/core/pure";
import { z } from "zod";
import { readOptional } from "./optional-file.ts";
import type { Paths } from "./paths.ts";

/** What `prepare` found to be done. */
const plan = z.object({
  /** Where the run's branch stood when this attempt began. */
  startCommit: z.string(),
  /** One agent session each. */
  sessions: z.array(
    z.object({
      taskId: z.int(),
      title: z.string(),
      /** `taskHash` of the task. */
      hash: z.string(),
      /** File with the whole prompt. */
      promptFile: z.string(),
      /** The session of an earlier attempt that is continued. */
      resume: z.string().optional(),
    }),
  ),
  /** Docs: tasks that need no session, because their documents were there before the run. */
  upToDate: z.array(z.int()),
  /** Docs: tasks whose documents an earlier attempt of this run has written. */
  done: z.array(z.object({ taskId: z.int(), title: z.string() })),
});
export type Plan = z.infer<typeof plan>;
export type PlannedSession = Plan["sessions"][number];

/** How one agent session ended; without verdict and not interrupted it did its work. */
const sessionRecord = z.object({
  taskId: z.int(),
  sessionId: z.string(),
  verdict: verdict.optional(),
  /** Stopped because the pod was told to stop. */
  interrupted: z.boolean(),
  exitCode: z.int().optional(),
  agentVersion: z.string().optional(),
  turns: z.int(),
  costUsd: z.number().optional(),
});
export type SessionRecord = z.infer<typeof sessionRecord>;

/** Which tasks are ready to be handed in. */
const verification = z.object({
  complete: z.array(z.int()),
  failed: z.array(z.object({ taskId: z.int(), verdict })),
});
export type Verification = z.infer<typeof verification>;

/** The gateway's answer to a delivery. */
export const deliveryAnswer = z.union([z.object({ delivery }), z.object({ verdict })]);
export type DeliveryAnswer = z.infer<typeof deliveryAnswer>;

/** The files by which the steps of a pod hand over to each other, each with the schema of what it holds. */
export const stepFiles = {
  plan: { name: "plan.json", schema: plan },
  sessions: { name: "sessions.json", schema: z.array(sessionRecord) },
  verification: { name: "verification.json", schema: verification },
  /** The first verdict of any step; later steps respect it. */
  verdict: { name: "verdict.json", schema: verdict },
  delivery: { name: "delivery.json", schema: deliveryAnswer },
} as const;

interface StepFile<T> {
  name: string;
  schema: z.ZodType<T>;
}

/** A step left no file, or one of another shape, that a later step cannot do without. */
export class StepFileError extends Error {
  override readonly name = "StepFileError";
  readonly path: string;

  constructor(path: string, options?: ErrorOptions) {
    super("A file of an earlier step is missing or damaged", options);
    this.path = path;
  }
}

/** Undefined where the step has not written it. */
export async function readStepFile<T>(paths: Paths, file: StepFile<T>): Promise<T | undefined> {
  const path = join(paths.steps, file.name);
  const text = await readOptional(path);
  return text === undefined ? undefined : parse(text, path, file.schema);
}

/** @throws StepFileError where the step has not written it */
export async function needStepFile<T>(paths: Paths, file: StepFile<T>): Promise<T> {
  const value = await readStepFile(paths, file);
  if (value === undefined) throw new StepFileError(join(paths.steps, file.name));
  return value;
}

/** Written whole or not at all. */
export async function writeStepFile<T>(paths: Paths, file: StepFile<T>, value: T): Promise<void> {
  const path = join(paths.steps, file.name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, JSON.stringify(value));
  await rename(`${path}.new`, path);
}

/** Keeps a verdict for the later steps, unless an earlier one stands. */
export async function leaveVerdict(paths: Paths, value: Verdict): Promise<void> {
  if ((await readStepFile(paths, stepFiles.verdict)) === undefined) {
    await writeStepFile(paths, stepFiles.verdict, value);
  }
}

/** `run.json` of the attempt. */
export async function readInputs(paths: Paths): Promise<RunInputs> {
  const path = join(paths.inputs, inputFiles.run);
  const text = await readOptional(path);
  if (text === undefined) throw new StepFileError(path);
  return parse(text, path, runInputs);
}

function parse<T>(text: string, path: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new StepFileError(path, { cause: error });
  }
}
