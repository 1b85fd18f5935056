import { z } from "zod";

/** The task id by which a TaskRun without `jobType` asks for documents. */
export const docsTaskId = 999_999;

/** An object of the kind that older clusters hold. Its spec is read field by field, in snake_case or camelCase. */
export const taskRun = z.object({
  kind: z.literal("TaskRun"),
  metadata: z.object({
    name: z.string().min(1),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  spec: z.record(z.string(), z.unknown()),
  status: z.unknown().optional(),
});
export type TaskRun = z.infer<typeof taskRun>;
