import { z } from "zod";

const quantities = z.record(z.string().max(63), z.string().max(32));

export const podSettings = z.object({
  image: z.string().min(1).max(512).optional(),
  resources: z.object({ requests: quantities.optional(), limits: quantities.optional() }).optional(),
  nodeSelector: z.record(z.string().max(317), z.string().max(63)).optional(),
  tolerations: z
    .array(
      z.object({
        key: z.string().max(317).optional(),
        operator: z.enum(["Exists", "Equal"]).optional(),
        value: z.string().max(63).optional(),
        effect: z.enum(["NoSchedule", "PreferNoSchedule", "NoExecute"]).optional(),
        tolerationSeconds: z.int().min(0).optional(),
      }),
    )
    .max(32)
    .optional(),
  priorityClassName: z.string().min(1).max(253).optional(),
  runtimeClassName: z.string().min(1).max(253).optional(),
  serviceAccountName: z.string().min(1).max(253).optional(),
  imagePullSecrets: z
    .array(z.object({ name: z.string().min(1).max(253) }))
    .max(16)
    .optional(),
  env: z
    .array(z.object({ name: z.string().min(1).max(256), value: z.string().max(4096) }))
    .max(64)
    .optional(),
});
export type PodSettings = z.infer<typeof podSettings>;
