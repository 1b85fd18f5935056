import { z } from "zod";

/**
 * `Tool` or `Tool(restriction)`. A comma makes a rule that matches nothing, and the agent does not say so; nor does it
 * ever consult `Write(path)`, `Edit(path)` being the rule for all that writes.
 */
const permissionRule = z
  .string()
  .regex(/^[A-Za-z_][\w.*-]*(\([^(),]+\))?$/, "must be Tool or Tool(restriction), without commas")
  .refine((rule) => !rule.startsWith("Write("), "must be Edit(path): Write(path) never matches");

/** What the agent may do. A denial wins over every allowance; what is in neither list is denied by `dontAsk`. */
export const permissionSettings = z.strictObject({
  defaultMode: z.enum(["dontAsk"]),
  allow: z.array(permissionRule),
  deny: z.array(permissionRule),
  disableBypassPermissionsMode: z.literal("disable"),
});
export type PermissionSettings = z.infer<typeof permissionSettings>;
