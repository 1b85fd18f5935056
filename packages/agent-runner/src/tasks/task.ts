import { z } from "zod";

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? "");
const anyId = z.union([z.number(), z.string()]).transform(String);
const dependencies = z
  .array(anyId)
  .nullish()
  .transform((value) => value ?? []);

/** Texts that are absent or null in the file are empty here. */
const texts = { title: text, description: text, details: text, testStrategy: text, dependencies };

const wholeNumber = "has to be a whole number from 1 on, or a string of digits";

/** `5` or `"5"`, in the file as either. */
const taskId = z
  .union([z.number(), z.string().regex(/^\d+$/, wholeNumber).transform(Number)], wholeNumber)
  .refine((id) => Number.isSafeInteger(id) && id > 0, wholeNumber);

export const subtask = z.object({ id: anyId, ...texts });
/** A part of a task; its id counts within its task. */
export type Subtask = z.infer<typeof subtask>;

export const task = z.object({
  id: taskId,
  ...texts,
  /** As in the file; `pending` where it has none. */
  status: z
    .string()
    .nullish()
    .transform((value) => value ?? "pending"),
  subtasks: z
    .array(subtask)
    .nullish()
    .transform((value) => value ?? []),
});
/** One task of a Task Master file, with what the runner reads of it. */
export type Task = z.infer<typeof task>;
