import { z } from "zod";
import { hookSettings } from "./hook-settings.ts";
import { permissionSettings } from "./permission-settings.ts";
import { runnerVariables } from "./runner-variables.ts";

// The agent lets these values win over the environment that it is started with.
const environment = z
  .record(z.string().regex(/^[A-Z][A-Z0-9_]*$/, "is not the name of an environment variable"), z.string())
  .refine((env) => runnerVariables.every((name) => !Object.hasOwn(env, name)), {
    error: `may not hold what the runner sets: ${runnerVariables.join(", ")}`,
  });

/**
 * The agent's `settings.json`, as far as runs use it. Stricter than the agent, which drops a whole file without a word
 * when one value has the wrong form.
 */
export const claudeSettings = z.strictObject({
  $schema: z.literal("https://json.schemastore.org/claude-code-settings.json"),
  /** Alias or full id. */
  model: z.string().min(1),
  /** Days that transcripts are kept, at least 1. */
  cleanupPeriodDays: z.int().min(1),
  permissions: permissionSettings,
  env: environment,
  hooks: hookSettings,
});
export type ClaudeSettings = z.infer<typeof claudeSettings>;
