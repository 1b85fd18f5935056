import { z } from "zod";

export const provider = z.enum(["GitHub", "None"]);

export const repository = z.object({
  url: z.string().max(2048),
  branch: z.string().min(1).max(244).default("main"),
  provider: provider.optional(),
  apiUrl: z.string().max(2048).optional(),
  secretRef: z.object({ name: z.string().min(1).max(253) }).optional(),
});
export type Repository = z.infer<typeof repository>;
