import { z } from "zod";
import { podSettings } from "./pod.ts";

/** Fields that both kinds have, besides `repository` and `timeout`, whose optionality and default differ. */
export const sharedSpec = {
  workingDirectory: z.string().min(1).max(1024).default("."),
  tag: z.string().min(1).max(128).default("master"),
  modelSecretRef: z.object({ name: z.string().min(1).max(253) }).optional(),
  pendingTimeout: z.string().default("10m"),
  pod: podSettings.optional(),
};
